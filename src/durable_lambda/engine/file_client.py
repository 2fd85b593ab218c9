"""A client of an engine's file, for other processes: reads beside the engine, and has it do what changes something.

If an engine owns the file, a request goes into its inbox and the answer is waited for. If none does, the client is the
engine for that moment: what it stores is what the next one goes on with. It hosts no function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Final

import msgspec

from durable_lambda.engine.clock import RealClock
from durable_lambda.engine.errors import FileInUseError, UnknownExecutionError
from durable_lambda.engine.inbox import Request, Response, perform
from durable_lambda.engine.lock import is_owned
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.mailbox import Mailbox
from durable_lambda.engine.requests import find_execution
from durable_lambda.engine.store import StoreReader
from durable_lambda.engine.stored import StoredExecution
from durable_lambda.engine.thread import EngineThread
from durable_lambda.engine.values import error_of
from durable_lambda.errors import ExecutionError, ValidationError
from durable_lambda.payloads import encode_value
from durable_lambda.protocol import errors as service
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus

POLL_SECONDS: Final = 0.02

_ERRORS: Final[dict[str, Callable[[str], Exception]]] = {
    kind.code: kind
    for kind in (
        service.InvalidParameterValueException,
        service.ResourceNotFoundException,
        service.CallbackTimeoutException,
        service.ResourceConflictException,
        UnknownExecutionError,
        ValidationError,
    )
}


class FileClient:
    """A client of the engine whose file is at `path`; the engine may be at work there, or not.

    Args:
        path: the database of an engine.
        timeout: seconds to wait for the engine's answer, 10 by default.

    Raises `StoreError` if there is no such file, or it is not an engine's.
    """

    def __init__(self, path: str | PathLike[str], *, timeout: float = 10.0) -> None:
        self._path = fspath(path)
        self._timeout = timeout
        self._reader = StoreReader(self._path)

    def __enter__(self) -> FileClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def send_callback_success(self, callback_id: str, value: Any = None) -> None:
        """Answer a callback with a value that JSON can say; returns when it is stored.

        Raises `ResourceNotFoundException` for an unknown id, `CallbackTimeoutException` for a callback that is closed,
        `TimeoutError` if the engine does not answer; then nothing was changed.
        """
        self._send(Request("success", callback_id, encode_value("value", value)))

    def send_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        """Answer a callback with a failure. Raises as `send_callback_success` does."""
        self._send(Request("failure", callback_id, error=error_of(error)))

    def send_callback_heartbeat(self, callback_id: str) -> None:
        """Tell that a callback's answer is being worked on. Raises as `send_callback_success` does."""
        self._send(Request("heartbeat", callback_id))

    def stop(self, name_or_arn: str, error: BaseException | str | ErrorObject | None = None) -> None:
        """End an execution as STOPPED; one that has ended stays as it is. Raises `UnknownExecutionError`."""
        self._send(Request("stop", name_or_arn, error=None if error is None else error_of(error)))

    def pause(self, name_or_arn: str, reason: str | None = None) -> None:
        """Keep an execution from being invoked, from its next checkpoint on; what it waits for goes on.

        Raises `UnknownExecutionError`, `ResourceConflictException` for one that has ended or is paused.
        """
        self._send(Request("pause", name_or_arn, reason=reason))

    def resume(self, name_or_arn: str, reason: str | None = None) -> None:
        """Let a paused execution go on. Raises as `pause` does, for one that is not paused."""
        self._send(Request("resume", name_or_arn, reason=reason))

    def delete(self, name_or_arn: str) -> None:
        """Forget an execution that has ended.

        Raises `UnknownExecutionError`, `ResourceConflictException` for one that has not ended.
        """
        self._send(Request("delete", name_or_arn))

    def execution(self, name_or_arn: str) -> StoredExecution:
        """The execution of a name or ARN, as it is stored now. Raises `UnknownExecutionError`."""
        return StoredExecution(self._reader, find_execution(self._reader, name_or_arn))

    def list_executions(
        self, function: str | None = None, *, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[StoredExecution]:
        """Executions, the newest first: of one function and in one status, if given."""
        rows = self._reader.list(function=function, status=status, limit=limit)
        return [StoredExecution(self._reader, row) for row in rows]

    def _send(self, request: Request) -> None:
        encoded = msgspec.json.encode(request)
        response = None if is_owned(self._path) else self._perform(encoded)
        response = response or self._post(encoded)
        if response.code is not None:
            raise _ERRORS.get(response.code, ExecutionError)(response.message or "")

    def _perform(self, request: bytes) -> Response | None:
        """Do it as the engine; `None` if there is another one."""
        thread = EngineThread(self._path, RealClock(), Limits())
        try:
            return thread.wait(thread.ask(lambda host: perform(host, request), durably=True))
        except FileInUseError:
            return None
        finally:
            thread.close()

    def _post(self, request: bytes) -> Response:
        """Have the engine do it, and wait for its answer. If none comes, take the request back, if that is possible."""
        ends_at = time.monotonic() + self._timeout
        with Mailbox(self._path) as mailbox:
            number = mailbox.post(request)
            while (answer := mailbox.fetch(number)) is None and time.monotonic() < ends_at and is_owned(self._path):
                time.sleep(POLL_SECONDS)
            if answer is None and not mailbox.take_back(number):
                answer = mailbox.fetch(number)
        if answer is not None:
            return msgspec.json.decode(answer, type=Response)
        done = self._perform(request)
        if done is not None:
            return done
        raise TimeoutError(f"the engine that owns {self._path} did not answer within {self._timeout:g} s")
