"""The official SDK's programs as functions that an engine of ours can host.

They run in a process of their own, in the environment that `make bench` uses too. What the SDK asks of its client
comes over a pipe, and is asked of the engine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from benchmarks.environments import clean_environment, python_of

from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.updates import OperationUpdate

WORKER = Path(__file__).with_name("worker.py")


class InvocationError(Exception):
    """The handler raised: an error of the invocation, which the engine makes again."""


class OfficialSdk:
    """Its process, and whose turn it is."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [python_of("official"), str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=clean_environment(),
        )
        self._turn = Lock()

    def __enter__(self) -> OfficialSdk:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends when its input does
        self._log.close()

    def invoke(self, program: str, event: dict[str, Any], answer: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Run one invocation; `answer` is asked what the SDK asks its client."""
        with self._turn:
            self._tell({"program": program, "event": event})
            while True:
                heard = self._hear()
                if "call" not in heard:
                    return heard
                self._tell(answer(heard))

    def _tell(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the official SDK's process ended: {Path(self._log.name).read_text()[-2000:]}"
        return json.loads(line)


class OfficialFunction:
    """A `DurableFunction`: one of the programs in `official.py`."""

    def __init__(self, sdk: OfficialSdk, program: str) -> None:
        self.name = program
        self._sdk = sdk

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        client = _Client(backend, asyncio.get_running_loop())
        ended = await asyncio.to_thread(self._sdk.invoke, self.name, msgspec.to_builtins(invocation), client.answer)
        if "raised" in ended:
            raise InvocationError(f"{ended['raised']['ErrorType']}: {ended['raised']['ErrorMessage']}")
        return msgspec.convert(ended["output"], InvocationOutput)


class _Client:
    """Asks a backend what boto3 would ask the service; to be used from another thread than the loop's."""

    def __init__(self, backend: DurableBackend, loop: asyncio.AbstractEventLoop) -> None:
        self._backend = backend
        self._loop = loop

    def answer(self, asked: dict[str, Any]) -> Any:
        request = asked["request"]
        arn, token = request["DurableExecutionArn"], request["CheckpointToken"]
        future: Future[Any]
        if asked["call"] == "CheckpointDurableExecution":
            updates = msgspec.convert(request.get("Updates", []), list[OperationUpdate])
            call = self._backend.checkpoint(arn, token, updates, request.get("ClientToken"))
        else:
            call = self._backend.get_execution_state(arn, token, request["Marker"], request["MaxItems"])
        try:
            future = asyncio.run_coroutine_threadsafe(call, self._loop)  # type: ignore[arg-type]
            return msgspec.to_builtins(future.result())
        except ServiceError as error:
            status = {"HTTPStatusCode": error.status}
            return {"Error": {"Code": error.code, "Message": error.message}, "ResponseMetadata": status}
