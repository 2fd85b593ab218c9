"""Runs in the official runner's environment: every program, in the process and over HTTP, and tells what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import programs
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner, WebRunner, WebRunnerConfig
from aws_durable_execution_sdk_python_testing.web.server import WebServiceConfig

PROGRAMS = ("steps", "failing", "unhandled", "together", "polling", "undone")
EVENT = '{"order": 7}'


def in_process(name: str) -> dict[str, Any]:
    with DurableFunctionTestRunner(getattr(programs, name)) as runner:
        return told(runner.run(EVENT, timeout=30))


def answered() -> dict[str, Any]:
    with DurableFunctionTestRunner(programs.answered) as runner:
        arn = runner.run_async(EVENT, timeout=30)
        callback_id = runner.wait_for_callback(arn, timeout=30)
        runner.send_callback_success(callback_id, b'{"approved": true}')
        return told(runner.wait_for_result(arn, timeout=30))


def invoking() -> dict[str, Any]:
    with DurableFunctionTestRunner(programs.invoking) as runner:
        runner.register_durable_function("child", programs.child)
        return told(runner.run(EVENT, timeout=30))


def told(result: Any) -> dict[str, Any]:
    names = [operation.name for operation in result.operations if operation.name]
    error = None if result.error is None else [result.error.type, result.error.message]
    return {"status": result.status.value, "result": result.result, "error": error, "operations": names}


class Invoke(BaseHTTPRequestHandler):
    """The Invoke API, for one function: calls the handler as Lambda does."""

    failures = 0

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = json.dumps(programs.brisk(event)).encode()
        except Exception:
            Invoke.failures += 1
            raise
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def over_http() -> dict[str, Any]:
    """The runner as a server: it invokes over HTTP, and the handler's checkpoints go to it over HTTP.

    In real time: where the server skips time, a retry that is due before the invocation that asked for it has ended is
    forgotten by it now and then, and the execution stays suspended.
    """
    functions = ThreadingHTTPServer(("127.0.0.1", 0), Invoke)
    threading.Thread(target=functions.serve_forever, daemon=True).start()
    free = ThreadingHTTPServer(("127.0.0.1", 0), Invoke)
    port = free.server_port
    free.server_close()
    endpoint = f"http://127.0.0.1:{functions.server_port}"
    os.environ.update(
        AWS_ENDPOINT_URL_LAMBDA=f"http://127.0.0.1:{port}",
        AWS_LAMBDA_FUNCTION_NAME="brisk",
        AWS_REGION="us-west-2",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
    )
    config = WebRunnerConfig(WebServiceConfig(host="127.0.0.1", port=port), lambda_endpoint=endpoint)
    with WebRunner(config) as runner:
        threading.Thread(target=runner.serve_forever, daemon=True).start()
        return run_over_http(port)


def run_over_http(port: int) -> dict[str, Any]:
    start = {
        "AccountId": "123456789012",
        "FunctionName": "brisk",
        "FunctionQualifier": "$LATEST",
        "ExecutionName": "order-7",
        "ExecutionTimeoutSeconds": 86_400,
        "ExecutionRetentionPeriodDays": 7,
        "InvocationId": "i-1",
        "Input": EVENT,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/start-durable-execution", json.dumps(start).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        arn = json.load(answer)["ExecutionArn"]
    client = boto3.client("lambda", region_name="us-west-2")
    while True:
        execution = client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=True)
        if execution["Status"] != "RUNNING":
            break
        time.sleep(0.05)
    events = client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
    return {
        "status": execution["Status"],
        "result": execution.get("Result"),
        "failures": Invoke.failures,
        "events": [event["EventType"] for event in events],
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        outcome: dict[str, Any] = {name: in_process(name) for name in PROGRAMS}
        outcome |= {"answered": answered(), "invoking": invoking(), "over_http": over_http()}
    print(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)  # the runner's threads go on
