"""`CallbackClient`: answers callbacks, whichever engine waits for them.

AWS and any server of the Lambda API through boto3, which is imported when it is first needed; a file of the embedded
engine, whether an engine is at work on it or not; or an engine in this process.
"""

from __future__ import annotations

import asyncio
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from durable_lambda.errors import ValidationError
from durable_lambda.lambda_api import lambda_client
from durable_lambda.payloads import encode_value, error_object
from durable_lambda.protocol.operations import ErrorObject

if TYPE_CHECKING:
    from durable_lambda.engine import Engine, FileClient

__all__ = ["CallbackClient"]


class _Channel(Protocol):
    """What an engine and a file's client have in common."""

    def send_callback_success(self, callback_id: str, value: Any = None) -> None: ...
    def send_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None: ...
    def send_callback_heartbeat(self, callback_id: str) -> None: ...


class CallbackClient:
    """Sends the answer that a callback waits for.

    ```python
    CallbackClient().send_success(callback_id, {"approved": True})  # AWS, by the usual credentials and region
    CallbackClient(db="orders.db").send_failure(callback_id, "declined")
    ```

    Args:
        endpoint_url: a server of the Lambda API other than AWS.
        db: a file of the embedded engine, instead.
        engine: an `Engine` in this process, instead.

    Each method raises the service's error for an id that is unknown (`ResourceNotFoundException`) or a callback that is
    closed (`CallbackTimeoutException`): of `durable_lambda.protocol.errors`, or boto3's own with boto3.
    """

    def __init__(
        self,
        endpoint_url: str | None = None,
        *,
        db: str | PathLike[str] | None = None,
        engine: Engine | None = None,
    ) -> None:
        if sum(target is not None for target in (endpoint_url, db, engine)) > 1:
            raise ValidationError("give one of endpoint_url=, db= and engine=")
        self._channel: _Channel
        if engine is not None:
            self._channel = engine
        elif db is not None:
            self._channel = _File(db)
        else:
            self._channel = _LambdaApi(endpoint_url)

    def send_success(self, callback_id: str, value: Any = None) -> None:
        """Answer with a value, which is written as JSON. Raises `SerializationError` for what JSON cannot say."""
        self._channel.send_callback_success(callback_id, value)

    def send_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        """Answer with a failure: an exception, a message, or an error object."""
        self._channel.send_callback_failure(callback_id, error)

    def send_heartbeat(self, callback_id: str) -> None:
        """Tell that the answer is being worked on: the callback's heartbeat timer begins anew."""
        self._channel.send_callback_heartbeat(callback_id)

    async def asend_success(self, callback_id: str, value: Any = None) -> None:
        """`send_success`, to be awaited."""
        await asyncio.to_thread(self.send_success, callback_id, value)

    async def asend_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        """`send_failure`, to be awaited."""
        await asyncio.to_thread(self.send_failure, callback_id, error)

    async def asend_heartbeat(self, callback_id: str) -> None:
        """`send_heartbeat`, to be awaited."""
        await asyncio.to_thread(self.send_heartbeat, callback_id)


class _File:
    """A file of the embedded engine; opened for each call, so that there is nothing to close."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path

    def send_callback_success(self, callback_id: str, value: Any = None) -> None:
        with self._client() as client:
            client.send_callback_success(callback_id, value)

    def send_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        with self._client() as client:
            client.send_callback_failure(callback_id, error)

    def send_callback_heartbeat(self, callback_id: str) -> None:
        with self._client() as client:
            client.send_callback_heartbeat(callback_id)

    def _client(self) -> FileClient:
        from durable_lambda.engine import FileClient  # late: AWS users do without the engine

        return FileClient(self._path)


class _LambdaApi:
    """The three calls through boto3."""

    def __init__(self, endpoint_url: str | None) -> None:
        self._client = lambda_client(endpoint_url)

    def send_callback_success(self, callback_id: str, value: Any = None) -> None:
        result = encode_value("value", value).encode("utf-8")
        self._client.send_durable_execution_callback_success(CallbackId=callback_id, Result=result)

    def send_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        data = msgspec.to_builtins(error_object(error))
        self._client.send_durable_execution_callback_failure(CallbackId=callback_id, Error=data)

    def send_callback_heartbeat(self, callback_id: str) -> None:
        self._client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)
