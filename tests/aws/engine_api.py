"""The part of the Lambda API that the command line asks, in front of an engine in this process.

Every answer is held against botocore's model. What the engine has no counterpart for (pausing, resuming, deleting) is
noted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from durable_lambda.engine import Engine, Execution, UnknownExecutionError
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.events import event_to_wire
from durable_lambda.protocol.operations import ErrorObject
from wire import assert_matches

PAGE = 3
"""Events a page, so that there are several."""


class EngineApi:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.noted: list[tuple[str, str, Any]] = []
        """Verb, ARN and body of what was only noted."""
        self.problems: list[BaseException] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[EngineApi]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()
        if self.problems:
            raise self.problems[0]

    def answer(  # noqa: PLR0911  # one for each call
        self, method: str, path: list[str], query: dict[str, list[str]], headers: Any, body: bytes
    ) -> Any:
        """Status, output shape, answer and headers."""
        match method, path:
            case "POST", ["2015-03-31", "functions", function, "invocations"]:
                name = headers.get("X-Amz-Durable-Execution-Name")
                started = self.engine.start(function.partition(":")[0], json.loads(body), execution_name=name)
                return 202, None, "", {"X-Amz-Durable-Execution-Arn": started.arn}
            case "GET", ["2025-12-01", "functions", function, "durable-executions"]:
                wanted = query.get("DurableExecutionName", [None])[0]
                executions = [_listed(each) for each in self.engine.executions(function.partition(":")[0])]
                found = [each for each in executions if wanted in (None, each["DurableExecutionName"])]
                return 200, "ListDurableExecutionsByFunctionResponse", {"DurableExecutions": found}, {}
            case "GET", ["2025-12-01", "durable-executions", arn]:
                return 200, "GetDurableExecutionResponse", _listed(self.engine.execution(arn)), {}
            case "GET", ["2025-12-01", "durable-executions", arn, "history"]:
                events = [event_to_wire(event) for event in self.engine.execution(arn).history()]
                start = int(query.get("Marker", ["0"])[0])
                page: dict[str, Any] = {"Events": events[start : start + PAGE]}
                if start + PAGE < len(events):
                    page["NextMarker"] = str(start + PAGE)
                return 200, "GetDurableExecutionHistoryResponse", page, {}
            case "POST", ["2025-12-01", "durable-executions", arn, "stop"]:
                execution = self.engine.execution(arn)
                execution.stop(msgspec.json.decode(body, type=ErrorObject))
                return 200, "StopDurableExecutionResponse", {"StopTimestamp": 1.0}, {}
            case ("POST", ["2025-12-01", "durable-executions", arn, ("pause" | "resume") as verb]):
                self.noted.append((verb, arn, json.loads(body)))
                return 202, None, {}, {}
            case "DELETE", ["2025-12-01", "durable-executions", arn]:
                self.noted.append(("delete", arn, None))
                return 202, "DeleteDurableExecutionResponse", {"DeletionRequestTimestamp": 1.0}, {}
            case "POST", ["2025-12-01", "durable-execution-callbacks", callback, "succeed"]:
                self.engine.send_callback_success(callback, json.loads(body))
            case "POST", ["2025-12-01", "durable-execution-callbacks", callback, "fail"]:
                self.engine.send_callback_failure(callback, msgspec.json.decode(body, type=ErrorObject))
            case "POST", ["2025-12-01", "durable-execution-callbacks", callback, "heartbeat"]:
                self.engine.send_callback_heartbeat(callback)
            case other:
                raise AssertionError(f"no such call: {other}")
        return 200, None, {}, {}


def _listed(execution: Execution) -> dict[str, Any]:
    told: dict[str, Any] = {
        "DurableExecutionArn": execution.arn,
        "DurableExecutionName": execution.name,
        "FunctionArn": execution.arn.partition("/durable-execution/")[0],
        "Status": execution.status,
        "StartTimestamp": execution.started_at / 1000,
    }
    last = execution.history()[-1]
    if told["Status"] != "RUNNING":
        told["EndTimestamp"] = last.event_timestamp / 1000
    return told


def _handler_for(api: EngineApi) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            path = [unquote(segment) for segment in parts.path.split("/")[1:]]
            try:
                status, shape, answer, headers = api.answer(
                    self.command, path, parse_qs(parts.query), self.headers, body
                )
                if shape is not None:
                    assert_matches(shape, answer)
            except ServiceError as error:
                status, headers = error.status, {"x-amzn-ErrorType": error.code}
                answer = {error.message_key: error.message}
            except UnknownExecutionError as error:
                status, headers = 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}
                answer = {"Message": str(error)}
            except AssertionError as problem:
                api.problems.append(problem)
                status, answer, headers = 400, {"message": repr(problem)}, {}
            content = json.dumps(answer).encode() if answer != "" else b""
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Request
