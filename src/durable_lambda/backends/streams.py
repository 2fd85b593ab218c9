"""Bytes over a socket that does not block, plain or with TLS, awaited on the running loop.

TLS is the standard library's, between two buffers in memory, so that a stream needs no transport of asyncio, which
would belong to one loop for life.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Protocol

_CHUNK = 65_536


class Stream(Protocol):
    """A connection that can be written to and read from."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self, limit: int) -> bytes:
        """Some bytes; none when the other side has ended the stream."""
        ...

    def is_quiet(self) -> bool:
        """Whether nothing has come while nobody asked: the other side has neither said anything nor hung up."""
        ...

    def close(self) -> None: ...


class PlainStream:
    """A socket as it is."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def receive(self, limit: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, limit)

    def is_quiet(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._socket.close()


class TlsStream(PlainStream):
    """A socket with TLS over it; `shake_hands` comes first."""

    def __init__(self, connected: socket.socket, trusted: ssl.SSLContext, host: str) -> None:
        super().__init__(connected)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = trusted.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def shake_hands(self) -> None:
        """Agree on keys. Raises `ssl.SSLError` (an `OSError`) when the other side is not who it should be."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    raise ConnectionResetError("the other side hung up during the TLS handshake") from None
            else:
                await self._flush()
                return

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def receive(self, limit: int) -> bytes:
        while True:
            try:
                return self._tls.read(limit)
            except ssl.SSLWantReadError:
                if not await self._feed():
                    raise ConnectionResetError("the other side hung up without ending TLS") from None
            except ssl.SSLZeroReturnError:
                return b""

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await super().send(self._outgoing.read())

    async def _feed(self) -> bool:
        data = await super().receive(_CHUNK)
        self._incoming.write(data)
        return bool(data)


def trust(authorities: str | None) -> ssl.SSLContext:
    """Whom to believe: the authorities of a file, else those of the system."""
    return ssl.create_default_context(cafile=authorities)
