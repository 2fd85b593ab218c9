"""The ASGI application: finds the operation that a request asks for, and turns whatever comes of it into an answer.

Routes are matched on the path as it came, split before it is decoded: an ARN is one segment, with `%2F` in it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import parse_qs, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from durable_lambda.engine.api import callbacks, checkpoints, executions, invocations, listing, runtime, sam
from durable_lambda.engine.api.access import Access, Received, check_access, is_signed
from durable_lambda.engine.api.call import Call, ClientGoneError, read
from durable_lambda.engine.api.checkpoints import MAX_BODY
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.metrics import Measurements, health, metrics
from durable_lambda.engine.api.reply import (
    MethodNotAllowedException,
    Reply,
    UnknownOperationException,
    as_error,
)
from durable_lambda.engine.errors import EngineClosedError, StoreError
from durable_lambda.errors import DurableError
from durable_lambda.protocol.errors import InvalidParameterValueException, ServiceError, TooManyRequestsException
from durable_lambda.protocol.limits import MIB

logger = logging.getLogger("durable_lambda.engine.api")

Operation: TypeAlias = Callable[[Gateway, Call], Awaitable[Reply]]

EXECUTION: Final = "2025-12-01/durable-executions/{DurableExecutionArn}"
CALLBACK: Final = "2025-12-01/durable-execution-callbacks/{CallbackId}"
MAX_HELD: Final = 512 * MIB

RUNTIME: Final = "runtime/{FunctionName}/2018-06-01/runtime"

OPERATIONS: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("POST", f"{EXECUTION}/checkpoint", checkpoints.checkpoint),
    ("GET", f"{EXECUTION}/state", checkpoints.get_state),
    ("GET", EXECUTION, executions.get),
    ("GET", f"{EXECUTION}/history", executions.get_history),
    ("POST", f"{EXECUTION}/stop", executions.stop),
    ("POST", f"{EXECUTION}/pause", executions.pause),
    ("POST", f"{EXECUTION}/resume", executions.resume),
    ("DELETE", EXECUTION, executions.delete),
    ("GET", "2025-12-01/functions/{FunctionName}/durable-executions", listing.list_executions),
    ("POST", f"{CALLBACK}/succeed", callbacks.succeed),
    ("POST", f"{CALLBACK}/fail", callbacks.fail),
    ("POST", f"{CALLBACK}/heartbeat", callbacks.heartbeat),
    ("POST", "2015-03-31/functions/{FunctionName}/invocations", invocations.invoke),
    ("POST", "start-durable-execution", sam.start),
    ("GET", f"{RUNTIME}/invocation/next", runtime.fetch),
    ("POST", f"{RUNTIME}/invocation/{{RequestId}}/response", runtime.respond),
    ("POST", f"{RUNTIME}/invocation/{{RequestId}}/error", runtime.fail),
    ("POST", f"{RUNTIME}/init/error", runtime.fail_init),
)


class Application:
    """The API of one engine.

    Args:
        function: the function whose Runtime API is served, and nothing else; `None`: everything.
    """

    def __init__(self, gateway: Gateway, access: Access, function: str | None = None) -> None:
        self._gateway = gateway
        self._access = access
        self._measured = Measurements()
        self._held = 0
        """Bytes of the bodies of requests that are being answered."""
        self._prefix = "" if function is None else f"/runtime/{function}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        began = time.monotonic()
        self._measured.under_way += 1
        try:
            reply = await self._answer(request)
        except (ClientDisconnect, ClientGoneError):
            return
        finally:
            self._measured.under_way -= 1
            self._held -= getattr(request.state, "held", 0)
        operation = getattr(request.state, "operation", "other")
        self._measured.count(operation, reply.status, time.monotonic() - began)
        headers = {"x-amzn-requestid": str(uuid.uuid4()), **reply.headers}
        response = Response(reply.body, reply.status, headers, media_type=reply.content_type)
        await response(scope, receive, send)

    async def _metered(self, request: Request) -> AsyncIterator[bytes]:
        """The body, as long as there is room for it beside the bodies of all other requests."""
        request.state.held = 0
        async for piece in request.stream():
            request.state.held += len(piece)
            self._held += len(piece)
            if self._held > MAX_HELD:
                raise TooManyRequestsException("Too many large requests at the same time.")
            yield piece

    async def _answer(self, request: Request) -> Reply:
        try:
            path: str = request.scope["raw_path"].decode("ascii", "replace")
            query: str = request.scope["query_string"].decode("ascii", "replace")
            headers = dict(request.headers)
            body = self._metered(request)
            signed = b""
            if is_signed(self._access, headers):
                signed = await read(body, headers, MAX_BODY)
                body = _once(signed)
            check_access(self._access, Received(request.method, path, query, headers, signed))
            if request.method == "GET" and path in ("/health", "/metrics"):
                return await (health(self._gateway) if path == "/health" else metrics(self._gateway, self._measured))
            operation, parameters = find_operation(request.method, self._prefix + path)
            request.state.operation = operation.__name__
            fields = parse_qs(query, keep_blank_values=True, max_num_fields=100)
            call = Call(parameters, fields, headers, body, lambda: _disconnected(request))
            return await operation(self._gateway, call)
        except ServiceError as error:
            return as_error(error)
        except (EngineClosedError, StoreError) as error:
            return as_error(ServiceError(str(error)))
        except (DurableError, ValueError) as error:
            return as_error(InvalidParameterValueException(str(error)))
        except (ClientDisconnect, ClientGoneError):
            raise
        except Exception:
            logger.exception("a request failed: %s", request.url.path)
            return as_error(ServiceError("An internal error; the server's log has it."))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def find_operation(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation of a path, and the parameters in it.

    Raises `UnknownOperationException`, or `MethodNotAllowedException` for a known path.
    """
    segments = path.strip("/").split("/")
    allowed: list[str] = []
    for verb, template, operation in OPERATIONS:
        parameters = _match(template.split("/"), segments)
        if parameters is None:
            continue
        if verb == method:
            return operation, parameters
        allowed.append(verb)
    if allowed:
        raise MethodNotAllowedException(f"This path takes {' and '.join(allowed)}, not {method}.")
    raise UnknownOperationException("There is no such operation.")


def _match(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{"):
            parameters[expected[1:-1]] = unquote(segment)
        elif expected != segment:
            return None
    return parameters
