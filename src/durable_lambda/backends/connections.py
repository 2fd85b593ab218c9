"""HTTP connections to one endpoint, kept open between requests and between invocations: `h11` over sockets.

The sockets are awaited on whichever loop asks, and belong to none, so that a connection serves the next invocation
wherever that runs. One that was idle may have been closed by the other side (a frozen Lambda does not notice), and so
its failure says nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import h11

from durable_lambda.backends.messages import Answer, Request, StaleConnectionError
from durable_lambda.backends.settings import Endpoint
from durable_lambda.backends.streams import PlainStream, Stream, TlsStream, trust

if TYPE_CHECKING:
    from durable_lambda.backends.proxy import Proxy

_CHUNK = 65_536


class Connections:
    """Sends requests; one at a time on each connection.

    Args:
        endpoint: Where to.
        timeout: Seconds for an answer, all of it.
        connect_timeout: Seconds for a connection.
        authorities: A file of certificates to trust instead of the system's.
        proxy: The proxy that leads to the endpoint; `None`: it is reached directly.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeout: float,
        connect_timeout: float,
        authorities: str | None,
        proxy: Proxy | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._proxy = proxy
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._trust = trust(authorities) if endpoint.scheme == "https" else None
        self._idle: deque[_Connection] = deque()

    async def send(self, request: Request) -> Answer:
        """Send a request and read its answer.

        Raises:
            StaleConnectionError: See there.
            ConnectionError: No connection could be made, or it broke.
            TimeoutError: There was no complete answer in time.
        """
        connection = self._take()
        was_idle = connection is not None
        if connection is None:
            connection = await self._connect()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await connection.exchange(request)
        except TimeoutError as error:
            connection.close()
            text = f"{self._endpoint.authority} gave no complete answer within {self._timeout:g} s"
            raise TimeoutError(text) from error
        except (OSError, h11.ProtocolError) as error:
            connection.close()
            kind = StaleConnectionError if was_idle and not connection.is_answered else ConnectionError
            raise kind(f"the connection to {self._endpoint.authority} broke: {error}") from error
        except BaseException:  # cancelled: what may still come belongs to no other request
            connection.close()
            raise
        if connection.is_reusable():
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> _Connection | None:
        while True:
            try:
                connection = self._idle.pop()  # from any thread
            except IndexError:
                return None
            if connection.stream.is_quiet():
                return connection
            connection.close()

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(self._connect_timeout):
                return _Connection(await self._open())
        except TimeoutError as error:
            text = f"no connection to {self._endpoint.authority} within {self._connect_timeout:g} s"
            raise ConnectionError(text) from error
        except OSError as error:
            raise ConnectionError(f"no connection to {self._endpoint.authority}: {error}") from error

    async def _open(self) -> Stream:
        loop = asyncio.get_running_loop()
        hop = self._proxy or self._endpoint
        connected = await _first_to_connect(await loop.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM))
        stream = PlainStream(connected)
        try:
            if self._proxy is not None:
                await self._proxy.open_tunnel(stream, self._endpoint)
            if self._trust is not None:
                stream = TlsStream(connected, self._trust, self._endpoint.host)
                await stream.shake_hands()
        except BaseException:
            stream.close()
            raise
        return stream


async def _first_to_connect(addresses: Sequence[tuple[Any, ...]]) -> socket.socket:
    """A connected socket, to the first of the addresses that answers."""
    failure: OSError = ConnectionError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.setblocking(False)
            # Else the last message of the TLS handshake waits for an acknowledgement, which waits for company.
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(connecting, address)
            return connecting
        except OSError as error:
            connecting.close()
            failure = error
        except BaseException:
            connecting.close()
            raise
    raise failure


class _Connection:
    """One connection, and the state of HTTP on it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.close = stream.close
        self.is_answered = False
        """Whether an answer to the present request has begun."""
        self._http = h11.Connection(h11.CLIENT)

    async def exchange(self, request: Request) -> Answer:
        self.is_answered = False
        parts = [self._http.send(h11.Request(method=request.method, target=request.target, headers=request.headers))]
        if request.body:
            parts.append(self._http.send(h11.Data(request.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        await self.stream.send(b"".join(part for part in parts if part))
        answer = Answer(0, {}, b"")
        body: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self.stream.receive(_CHUNK)
                self._http.receive_data(data)
                self.is_answered = self.is_answered or bool(data)
            elif isinstance(event, h11.Response):
                answer.status = event.status_code
                answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                answer.body = b"".join(body)
                return answer

    def is_reusable(self) -> bool:
        """Whether another request may follow, after an answer is complete."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False
