"""Runs in the official SDK's environment: `python worker.py`, spoken to in lines of JSON.

Asked to invoke a program, it calls the program's Lambda handler. A program is a function of `official.py`, or the
`handler` of a file of its own. The handler's client is a stand-in for boto3's, which asks the other end of the pipe for
every checkpoint and every page of state, and gives its answers as boto3 would: with moments as `datetime`, and errors
as `ClientError`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import aws_durable_execution_sdk_python as official_sdk
from aws_durable_execution_sdk_python import state
from botocore.exceptions import ClientError

from compatibility import official


class Pipe:
    """One question at a time: the SDK asks from a thread of its own."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # what a program prints is no answer
        self._lock = threading.Lock()

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.tell(question)
            return json.loads(sys.stdin.readline())

    def tell(self, message: dict[str, Any]) -> None:
        print(json.dumps(message), file=self._out, flush=True)


class Client:
    """The part of boto3's Lambda client that the SDK uses."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def checkpoint_durable_execution(self, **request: Any) -> dict[str, Any]:
        return self._ask("CheckpointDurableExecution", request)

    def get_durable_execution_state(self, **request: Any) -> dict[str, Any]:
        return self._ask("GetDurableExecutionState", request)

    def _ask(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._pipe.ask({"call": operation, "request": request})
        if "Error" in answer:
            raise ClientError(answer, operation)  # type: ignore[arg-type]
        return _with_datetimes(answer)


def _with_datetimes(value: Any) -> Any:
    """Milliseconds as boto3 gives a moment."""
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(each / 1000, UTC)
            if key.endswith("Timestamp") and each
            else _with_datetimes(each)
            for key, each in value.items()
        }
    return [_with_datetimes(each) for each in value] if isinstance(value, list) else value


class LambdaContext:
    """What Lambda hands to a handler beside the event."""

    aws_request_id = "11111111-2222-4333-8444-555555555555"
    function_name = "program"
    tenant_id = None


def main() -> None:
    state._STOP_SIGNAL_POLL_SECONDS = 0.005  # each invocation ends with up to 0.1 s of it
    pipe = Pipe()
    decorator = partial(official_sdk.durable_execution, boto3_client=Client(pipe))  # type: ignore[arg-type]
    official_sdk.durable_execution = decorator  # type: ignore[assignment]  # files import it

    @cache
    def handler_of(program: str) -> Any:
        if program.endswith(".py"):
            return runpy.run_path(program, run_name="app")["handler"]
        return decorator(official.then_wait(getattr(official, program)))

    while line := sys.stdin.readline():
        asked = json.loads(line)
        try:
            output = handler_of(asked["program"])(asked["event"], LambdaContext())
        except Exception as error:  # the invocation failed, as Lambda would tell it
            pipe.tell({"raised": {"ErrorType": type(error).__name__, "ErrorMessage": str(error)}})
        else:
            pipe.tell({"output": output})


if __name__ == "__main__":
    main()
