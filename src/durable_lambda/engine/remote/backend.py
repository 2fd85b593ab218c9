"""The service's two calls, over HTTP, for a function that an engine on this machine has sent to another process.

Not for AWS: it does not sign. Requests are tried again when the connection breaks, with the same client token, so a
checkpoint that was stored and whose answer was lost is answered once more and not stored twice.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from durable_lambda.engine.remote.http import HttpClient, HttpReply
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import ServiceError, service_error
from durable_lambda.protocol.limits import MIB
from durable_lambda.protocol.updates import OperationUpdate

MAX_REPLY: Final = 256 * MIB
TRIES: Final = 4
FIRST_DELAY_SECONDS: Final = 0.05


class HttpBackend:
    """A `DurableBackend` whose engine is at a URL.

    Args:
        url: the engine's.
        token: the bearer token that it asks for, if it does.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._client = HttpClient(url, max_reply=MAX_REPLY)
        self._headers = {"content-type": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"

    async def checkpoint(
        self,
        arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None = None,
    ) -> CheckpointResponse:
        """Store all updates or none. Raises `ServiceError`."""
        body = {
            "CheckpointToken": checkpoint_token,
            "Updates": updates,
            "ClientToken": client_token or str(uuid.uuid4()),
        }
        reply = await self._request("POST", f"{_path(arn)}/checkpoint", msgspec.json.encode(body))
        answer = _fields(reply)
        return CheckpointResponse(answer.get("CheckpointToken"), _state(answer.get("NewExecutionState") or {}))

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        """A page of operations. Raises `ServiceError`."""
        query: dict[str, Any] = {"CheckpointToken": checkpoint_token, "Marker": marker, "MaxItems": max_items}
        reply = await self._request("GET", f"{_path(arn)}/state?{urlencode(query)}")
        return _state(_fields(reply))

    async def _request(self, method: str, path: str, body: bytes = b"") -> HttpReply:
        delay = FIRST_DELAY_SECONDS
        for tries_left in reversed(range(TRIES)):
            try:
                reply = await self._client.request(method, path, body, self._headers)
            except OSError as error:
                if not tries_left:
                    raise ServiceError(f"the engine cannot be reached: {error}") from error
            else:
                if reply.status == 200:
                    return reply
                error = _error(reply)
                if not error.is_retryable or not tries_left:
                    raise error
            await asyncio.sleep(delay)
            delay *= 2
        raise AssertionError("the last try returns or raises")


def _path(arn: str) -> str:
    return f"/2025-12-01/durable-executions/{quote(arn, safe='')}"


def _fields(reply: HttpReply) -> dict[str, Any]:
    try:
        return msgspec.json.decode(reply.body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ServiceError(f"the engine answered what is no JSON object: {error}") from error


def _state(wire: dict[str, Any]) -> ExecutionState:
    # Operations stay as they came: the SDK decodes each when the function asks for it.
    return ExecutionState(wire.get("Operations") or [], wire.get("NextMarker"))


def _error(reply: HttpReply) -> ServiceError:
    code = reply.headers.get("x-amzn-errortype", "")
    try:
        fields = msgspec.json.decode(reply.body)
        message = fields.get("message") or fields.get("Message") or ""
    except (msgspec.MsgspecError, AttributeError):
        message = reply.body[:200].decode("utf-8", "replace")
    return service_error(code, reply.status, str(message))
