"""One request, read with care: nothing of it is taken that is larger than its operation allows, or not of its type."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec

from durable_lambda.engine.api.reply import RequestTooLargeException
from durable_lambda.engine.machine.batch import check_bounds, refuse
from durable_lambda.protocol.limits import MAX_CLIENT_TOKEN, MAX_PAGE_SIZE

T = TypeVar("T")

ARN: Final = re.compile(
    r"arn:([a-zA-Z0-9-]+):lambda:([a-zA-Z0-9-]+):(\d{12}):function:([a-zA-Z0-9_-]+):"
    r"(\$LATEST(?:\.PUBLISHED)?|[0-9]+)/durable-execution/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)"
)
ClientToken = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CLIENT_TOKEN, pattern=r"^[\x21-\x7E]+$")]
_LONGEST_SHOWN: Final = 200


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class Call:
    """A request to one operation.

    Args:
        path: the parameters in the path, decoded.
        query: the parameters after it, each with all its values.
        headers: by lower-case name.
        body: the body's pieces, as they come.
        disconnected: returns when the client has hung up.
    """

    def __init__(
        self,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        headers: Mapping[str, str],
        body: AsyncIterator[bytes],
        disconnected: Callable[[], Awaitable[None]],
    ) -> None:
        self.path = path
        self.headers = headers
        self._query = query
        self._body = body
        self._disconnected = disconnected

    def execution_arn(self) -> str:
        """The execution that the path names. Raises `InvalidParameterValueException` for what is no such ARN."""
        arn = self.path["DurableExecutionArn"]
        if len(arn) > 1024 or ARN.fullmatch(arn) is None:
            raise malformed("durableExecutionArn", arn, f"satisfy regular expression pattern: {ARN.pattern}")
        return arn

    def text(self, name: str, default: str = "") -> str:
        """A parameter of the query."""
        return self._query.get(name, [default])[0]

    def texts(self, name: str) -> list[str]:
        """All values of a parameter of the query."""
        return self._query.get(name, [])

    def flag(self, name: str, default: bool) -> bool:
        """A parameter of the query that is true or false."""
        value = self.text(name)
        if not value:
            return default
        if value.lower() not in ("true", "false"):
            raise malformed(_member(name), value, "be true or false")
        return value.lower() == "true"

    def max_items(self) -> int:
        """How many items a page may have; 0 means the default."""
        value = self.text("MaxItems", "0")
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise malformed("maxItems", value, "be a number")
        check_bounds("maxItems", int(value), 0, MAX_PAGE_SIZE)
        return int(value)

    def moment(self, name: str) -> int | None:
        """A moment of the query, in epoch milliseconds: clients send ISO 8601, or epoch seconds."""
        value = self.text(name)
        if not value:
            return None
        try:
            if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value):
                return round(float(value) * 1000)
            moment = datetime.fromisoformat(value)
            return round(moment.timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            raise malformed(_member(name), value, "be a timestamp") from None

    async def while_connected(self, work: Awaitable[T]) -> T:
        """What `work` gives. To be called when the body is read.

        Raises `ClientGoneError` if the client hangs up before; then `work` is cancelled.
        """
        working = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._disconnected())
        try:
            await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ClientGoneError
            return working.result()
        finally:
            gone.cancel()
            working.cancel()

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises `RequestTooLargeException` if it has more than `limit` bytes."""
        return await read(self._body, self.headers, limit)

    async def json(self, kind: type[T], limit: int) -> T:
        """The body as a JSON document of a type; an empty body is an empty object.

        Raises `InvalidParameterValueException` for what is no JSON, or not of the type.
        """
        body = await self.body(limit)
        try:
            return msgspec.json.decode(body or b"{}", type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise refuse(f"1 validation error detected: the request body is not valid: {error}") from None


async def read(body: AsyncIterator[bytes], headers: Mapping[str, str], limit: int) -> bytes:
    """A whole body. Raises `RequestTooLargeException` if it has more than `limit` bytes."""
    length = headers.get("content-length", "0")
    announced = int(length) if length.isdigit() else 0
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        size += len(piece)
        if size > limit and not limit < announced <= 2 * limit:
            break
        if size <= limit:
            pieces.append(piece)
    # What is only a little too large was read to its end: many clients do not look at an answer before.
    if size > limit:
        raise RequestTooLargeException(f"Request must be smaller than {limit} bytes for this operation")
    return b"".join(pieces)


def malformed(member: str, value: str, constraint: str) -> Exception:
    """The error for a value that does not fit, in the service's words, to be raised."""
    shown = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
    return refuse(
        f"1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member must "
        f"{constraint}"
    )


def _member(name: str) -> str:
    return name[:1].lower() + name[1:]
