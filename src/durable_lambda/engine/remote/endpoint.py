"""Functions behind a Lambda Invoke endpoint: another emulator, a function host, SAM's `start-lambda`.

A call of theirs is `POST {endpoint}/2015-03-31/functions/{name}/invocations`; a reply with `X-Amz-Function-Error` is a
function that failed, and no reply at all is an invocation that failed. Either way the engine tries again as it does for
every invocation that fails.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

import msgspec

from durable_lambda.engine.errors import FunctionError
from durable_lambda.engine.invoker import InvocationContext
from durable_lambda.engine.machine.queued import Unavailable
from durable_lambda.engine.remote.event import decode_answer, encode_event, function_error
from durable_lambda.engine.remote.http import HttpClient, HttpReply
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.limits import MIB
from durable_lambda.protocol.operations import ErrorObject

MAX_REPLY: Final = 16 * MIB
TOO_MANY_REQUESTS: Final = 429
SERVER_ERROR: Final = 500


class InvokeEndpoint:
    """An endpoint that runs functions.

    Args:
        url: where it is; `/2015-03-31/functions/…` is appended.
        concurrency: invocations that it runs at the same time; more wait their turn. 100 by default.

    Raises `ValidationError` for what is no URL.
    """

    def __init__(self, url: str, *, concurrency: int = 100) -> None:
        self._client = HttpClient(url, max_reply=MAX_REPLY)
        self._places = asyncio.Semaphore(concurrency)

    def close_connections(self) -> None:
        """Keep none."""
        self._client.close()

    async def call(self, function: str, payload: bytes, context: LambdaContext) -> bytes:
        """What a function answers. The time that it waits for its turn does not count. Raises `FunctionError`."""
        assert isinstance(context, InvocationContext)
        context.stop_timer()
        async with self._places:
            context.start_timer()
            return await self._call(function, payload, context.tenant_id)

    async def _call(self, function: str, payload: bytes, tenant_id: str | None) -> bytes:
        headers = {"content-type": "application/json", "x-amz-invocation-type": "RequestResponse"}
        if tenant_id is not None:
            headers["x-amz-tenant-id"] = tenant_id
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        try:
            reply = await self._client.request("POST", path, payload, headers)
        except OSError as error:
            raise FunctionError(Unavailable("Endpoint.Unreachable", f"{type(error).__name__}: {error}")) from error
        if "x-amz-function-error" in reply.headers:
            raise function_error(reply.body)
        if reply.status != 200:
            raise FunctionError(_refusal(reply))
        return reply.body


class DurableEndpointFunction:
    """A durable function behind an endpoint: a `DurableFunction`. It checkpoints over HTTP, not over `backend`."""

    is_elsewhere = True

    def __init__(self, endpoint: InvokeEndpoint, name: str) -> None:
        self._endpoint = endpoint
        self.name = name

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        """Run one invocation there."""
        return decode_answer(await self._endpoint.call(self.name, encode_event(invocation), lambda_context))

    def close_connections(self) -> None:
        """Keep none."""
        self._endpoint.close_connections()


class PlainEndpointFunction:
    """A function behind an endpoint that is not durable."""

    def __init__(self, endpoint: InvokeEndpoint, name: str) -> None:
        self._endpoint = endpoint
        self.name = name

    async def __call__(self, event: object, context: LambdaContext) -> msgspec.Raw:
        return msgspec.Raw(await self._endpoint.call(self.name, msgspec.json.encode(event), context) or b"null")

    def close_connections(self) -> None:
        """Keep none."""
        self._endpoint.close_connections()


def _refusal(reply: HttpReply) -> ErrorObject:
    kind = reply.headers.get("x-amzn-errortype", f"HTTP {reply.status}").partition(":")[0]
    error = Unavailable if reply.status == TOO_MANY_REQUESTS or reply.status >= SERVER_ERROR else ErrorObject
    return error(kind, reply.body[:1000].decode("utf-8", "replace"))
