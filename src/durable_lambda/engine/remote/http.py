"""A small HTTP/1.1 client for the engine's loop: keeps connections, bounds what it reads, and can be cancelled.

Made of `h11` and asyncio's streams, since an invocation is a task of that loop and its time-out cancels the task.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11

from durable_lambda.errors import ValidationError

CONNECT_SECONDS: Final = 10.0
CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.state = h11.Connection(h11.CLIENT)

    @property
    def is_fresh(self) -> bool:
        """Whether the other side has kept it open."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    def close(self) -> None:
        with suppress(Exception):
            self.writer.close()


class HttpClient:
    """Requests to one server, from one loop.

    Args:
        url: `http://host:port` or `https://…`, with a path that every request's path is appended to.
        max_reply: bytes of a reply's body; more is an error.

    Raises `ValidationError` for what is no such URL.
    """

    def __init__(self, url: str, *, max_reply: int) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError(f"{url!r} is no URL of an HTTP server: write http://127.0.0.1:3001")
        self._host = parts.hostname
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._ssl else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self._max_reply = max_reply
        self._idle: list[_Connection] = []

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        """Send a request and read the reply.

        A connection that was kept and turns out to be closed, before anything of a reply has come, is replaced once.
        Raises `OSError` when there is no reply, and for one that is malformed or too large.
        """
        while True:
            kept = self._take()
            connection = kept or await self._connect()
            try:
                reply = await self._exchange(connection, method, path, body, headers or {})
            except (ConnectionError, asyncio.IncompleteReadError):
                connection.close()
                if kept is None:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                self._keep(connection)
                return reply

    def close(self) -> None:
        """Close what is kept."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _connect(self) -> _Connection:
        opened = asyncio.open_connection(self._host, self._port, ssl=self._ssl)
        try:
            reader, writer = await asyncio.wait_for(opened, CONNECT_SECONDS)
        except TimeoutError:
            raise ConnectionError(f"{self._authority} did not accept a connection in {CONNECT_SECONDS:g} s") from None
        return _Connection(reader, writer)

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh:
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        state = connection.state
        if state.our_state is h11.DONE and state.their_state is h11.DONE:
            state.start_next_cycle()
            self._idle.append(connection)
        else:
            connection.close()

    async def _exchange(
        self, connection: _Connection, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> HttpReply:
        state = connection.state
        head = {"host": self._authority, "content-length": str(len(body)), **headers}
        request = h11.Request(method=method, target=self._base + path, headers=list(head.items()))
        pieces = [state.send(request), state.send(h11.Data(data=body)) if body else b"", state.send(h11.EndOfMessage())]
        connection.writer.write(b"".join(piece for piece in pieces if piece))
        await connection.writer.drain()
        try:
            return await self._read(connection)
        except h11.RemoteProtocolError as error:
            raise OSError(f"{self._authority} answered what is no HTTP: {error}") from error

    async def _read(self, connection: _Connection) -> HttpReply:
        state = connection.state
        response: h11.Response | None = None
        received: list[bytes] = []
        size = 0
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                data = await connection.reader.read(CHUNK)
                if not data and response is None:
                    raise ConnectionResetError(f"{self._authority} closed the connection without a reply")
                state.receive_data(data)
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > self._max_reply:
                    raise OSError(f"{self._authority} answered more than {self._max_reply} bytes")
                received.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                names = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
                return HttpReply(response.status_code, names, b"".join(received))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError(f"{self._authority} closed the connection in the middle of a reply")
