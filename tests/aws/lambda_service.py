"""Lambda in a test: one server that speaks the Runtime API to a function's process, and to its SDK the durable API.

Behind it is the engine's machine with a clock that is set by hand: when an invocation has ended, the clock goes to the
moment at which the next one is due. Every request is held against botocore's model and its signature. What it objects
to is a problem of the test, told by `check`.
"""

from __future__ import annotations

import json
import queue
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from aws.faults import Fault
from aws.signatures import assert_signed
from durable_lambda.engine.machine.checkpoint import check_token
from durable_lambda.engine.machine.due import goes_on_by_itself, next_due
from durable_lambda.engine.machine.pages import state_page
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.protocol.updates import OperationUpdate
from service import Service
from wire import assert_matches, service_model

REGION = "eu-west-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:orders:1"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
_TIMES = ("StartTimestamp", "EndTimestamp", "NextAttemptTimestamp", "ScheduledEndTimestamp")


class LambdaService:
    """One execution of one function."""

    def __init__(self, *, is_signed: bool = True, page_items: int = 1_000, tls: ssl.SSLContext | None = None) -> None:
        self.machine = Service()
        self.is_signed = is_signed
        self.page_items = page_items
        self.faults: deque[Fault] = deque()
        """For the next requests of the durable API, one each."""
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        """Operation, parameters and headers (in lower case) of each request of the durable API."""
        self.connections: set[Any] = set()
        self.failures: list[dict[str, Any]] = []
        """What the runtime client told of invocations that failed, and of one that could not begin."""
        self.invocations = 0
        self._problems: list[BaseException] = []
        self._lock = threading.Lock()
        self._due: queue.Queue[InvocationInput | None] = queue.Queue()
        self.rested = threading.Event()
        """Set when nothing of the execution can go on by itself: it has ended, or waits for an answer."""
        self._scheme = "http" if tls is None else "https"
        self._http = _Server(self)
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[LambdaService]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._due.put(None)
            self._http.shutdown()
            self._http.server_close()
            thread.join()
            self.check()

    def check(self) -> None:
        """Fail with what was wrong in what was sent."""
        if self._problems:
            raise self._problems[0]

    # The execution

    def next_event(self) -> InvocationInput:
        """Begin an invocation."""
        with self._lock:
            self.invocations += 1
            event = self.machine.invoke()
            state = event.initial_execution_state
            if len(state.operations) > self.page_items:
                state.operations, state.next_marker = [], "0"  # too large: not even the first page comes along
            return event

    def start(self) -> None:
        """Have the first invocation fetched by the runtime client."""
        self._due.put(self.next_event())

    def end_invocation(self, output: InvocationOutput | ErrorObject) -> None:
        """An invocation has ended. The next one begins when it is due; the clock is set to that moment."""
        with self._lock:
            if isinstance(output, ErrorObject):
                self.machine.fail(output)
            else:
                self.machine.answer(output.status, result=output.result, error=output.error)
        self.go_on()

    def go_on(self) -> None:
        """Invoke when it is due."""
        state = self.machine.state
        while state.is_running and goes_on_by_itself(state):
            resume_at = state.resume_at
            if resume_at is not None and resume_at <= self.machine.now:
                self.start()
                return
            moment = next_due(state, resume_at)
            if moment is None:
                break
            self.machine.pass_time(max(moment - self.machine.now, 0) / 1000)
        self.rested.set()

    @property
    def end(self) -> Any:
        """How the execution has ended; `None` while it has not."""
        return self.machine.state.ended

    # The durable API

    def carry_out(self, operation: str, parameters: dict[str, Any]) -> bytes:
        """The answer to a request. Raises `ServiceError`."""
        with self._lock:
            if operation == "CheckpointDurableExecution":
                updates = msgspec.convert(parameters["Updates"], list[OperationUpdate])
                answer: Any = self.machine.checkpoint(
                    *updates, token=parameters["CheckpointToken"], client_token=parameters["ClientToken"]
                )
            else:
                check_token(self.machine.state, parameters["CheckpointToken"])
                count = min(parameters["MaxItems"], self.page_items)
                answer = state_page(self.machine.state, parameters["Marker"], count, 1_000_000)
            return json.dumps(_as_told(msgspec.to_builtins(answer))).encode()


def _as_told(value: Any) -> Any:
    """Without what is absent, and times in seconds, whole ones without a point."""
    if isinstance(value, list):
        return [_as_told(item) for item in value]
    if not isinstance(value, dict):
        return value
    told = {key: _as_told(item) for key, item in value.items() if item is not None}
    for key in _TIMES:
        if key in told:
            told[key] = told[key] // 1000 if told[key] % 1000 == 0 else told[key] / 1000
    return told


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: LambdaService) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the client or a fault has broken is no problem of the server."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one write
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _handle(self, body: bytes) -> None:
        service = self.server.service
        try:
            if self.path.startswith("/2018-06-01/"):
                self._runtime_api(service, body)
            else:
                self._durable_api(service, body)
        except (AssertionError, KeyError, ValueError, msgspec.MsgspecError) as problem:
            service._problems.append(problem)
            self._send(500, json.dumps({"Message": repr(problem)}).encode(), {"x-amzn-ErrorType": "ServiceException"})

    # The Runtime API

    def _runtime_api(self, service: LambdaService, body: bytes) -> None:
        match self.path.removeprefix("/2018-06-01/runtime/").split("/"):
            case ["invocation", "next"]:
                event = service._due.get()
                if event is None:
                    self.close_connection = True
                    return
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": f"request-{service.invocations}",
                    "Lambda-Runtime-Deadline-Ms": str(round(time.time() * 1000) + 60_000),
                    "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
                    "Lambda-Runtime-Trace-Id": TRACE,
                    "Content-Type": "application/json",
                }
                told = msgspec.to_builtins(event)
                told["InitialExecutionState"]["NextMarker"] = told["InitialExecutionState"]["NextMarker"] or ""
                self._send(200, json.dumps(told).encode(), headers)
            case ["invocation", _, "response"]:
                self._send(202, b"")
                service.end_invocation(msgspec.json.decode(body, type=InvocationOutput))
            case ["invocation", _, "error"]:
                self._send(202, b"")
                failure = json.loads(body)
                service.failures.append(failure)
                service.end_invocation(ErrorObject(failure["errorType"], failure["errorMessage"]))
            case ["init", "error"]:
                service.failures.append(json.loads(body))
                self._send(202, b"")
                service.rested.set()
            case other:
                raise AssertionError(f"no such call of the Runtime API: {other}")

    # The durable API

    def _durable_api(self, service: LambdaService, body: bytes) -> None:
        operation, parameters = self._parse(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.requests.append((operation, parameters, headers))
        service.connections.add(self.client_address)
        assert_matches(service_model().operation_model(operation).input_shape.name, parameters)
        if service.is_signed:
            assert_signed(self.command, f"http://{self.headers['Host']}{self.path}", self.headers, body, REGION)
        else:
            assert "authorization" not in headers
        if service.faults:
            service.faults.popleft()(self, lambda: service.carry_out(operation, parameters))
            return
        try:
            answer = service.carry_out(operation, parameters)
        except ServiceError as error:
            told = json.dumps({error.message_key: error.message}).encode()
            self._send(error.status, told, {"x-amzn-ErrorType": error.code})
        else:
            self._send(200, answer, {"Content-Type": "application/json"})

    def _parse(self, body: bytes) -> tuple[str, dict[str, Any]]:
        """The operation that the model has at this address, and its parameters."""
        parts = urlsplit(self.path)
        match self.command, parts.path.split("/")[1:]:
            case "POST", ["2025-12-01", "durable-executions", arn, "checkpoint"]:
                return "CheckpointDurableExecution", {"DurableExecutionArn": unquote(arn), **json.loads(body)}
            case "GET", ["2025-12-01", "durable-executions", arn, "state"]:
                query: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
                query["MaxItems"] = int(query["MaxItems"])
                return "GetDurableExecutionState", {"DurableExecutionArn": unquote(arn), **query}
            case other:
                raise AssertionError(f"no such call of the durable API: {other}")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
