"""HTTP connections to one endpoint, kept open between requests and between invocations, by `awscrt`.

The library has one thread of its own, which answers by futures. Each request has a connection to itself; a connection
that was idle may have been closed by the other side (a frozen Lambda does not notice), and so its failure says nothing.
Connections are `Any` here, since the library's types are incomplete.
"""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Mapping
from typing import Any

from awscrt import exceptions, http  # pyright: ignore[reportMissingTypeStubs]
from awscrt import io as crt  # pyright: ignore[reportMissingTypeStubs]

from durable_lambda.backends.answers import Answer
from durable_lambda.backends.bridge import result_of
from durable_lambda.backends.settings import Endpoint

_http: Any = http


class StaleConnectionError(ConnectionError):
    """A connection that had been idle failed before it was answered: another one may do."""


class Connections:
    """Sends requests. Belongs to no loop; the idle connections may be taken from any thread."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float, timeout: float, environ: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        group = crt.EventLoopGroup(1)
        self.bootstrap = crt.ClientBootstrap(group, crt.DefaultHostResolver(group))
        self._socket_options = crt.SocketOptions()
        self._socket_options.connect_timeout_ms = int(connect_timeout * 1000)
        self._tls: Any = None
        if endpoint.scheme == "https":
            options = crt.TlsContextOptions()
            if authorities := environ.get("AWS_CA_BUNDLE"):
                options.override_default_trust_store_from_path(ca_filepath=authorities)  # pyright: ignore[reportUnknownMemberType]
            self._tls = crt.ClientTlsContext(options)
        self._idle: deque[Any] = deque()

    async def send(self, request: http.HttpRequest) -> Answer:
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
        exchange = _Exchange()
        try:
            async with asyncio.timeout(self._timeout):
                await exchange.run(connection, request)
        except exceptions.AwsCrtError as error:
            connection.close()
            kind = StaleConnectionError if was_idle and exchange.status is None else ConnectionError
            raise kind(f"the connection to {self._endpoint.authority} broke: {error}") from error
        except BaseException as error:  # cancelled, or too late: what may still come belongs to no other request
            connection.close()
            if isinstance(error, TimeoutError):
                text = f"{self._endpoint.authority} gave no complete answer within {self._timeout:g} s"
                raise TimeoutError(text) from error
            raise
        answer = exchange.answer()
        if answer.headers.get("connection", "").lower() != "close":
            self._idle.append(connection)
        return answer

    def _take(self) -> Any | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_open():
                return connection

    async def _connect(self) -> Any:
        options: Any = None
        if self._tls is not None:
            options = self._tls.new_connection_options()
            options.set_server_name(self._endpoint.host)
        connecting: Any = _http.HttpClientConnection.new(
            self._endpoint.host, self._endpoint.port, self.bootstrap, self._socket_options, options
        )
        try:
            async with asyncio.timeout(self._timeout):
                return await result_of(connecting)
        except (exceptions.AwsCrtError, TimeoutError) as error:
            raise ConnectionError(f"no connection to {self._endpoint.authority}: {error}") from error


class _Exchange:
    """One request and its answer. The callbacks come on the library's thread, before the future is done."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._body = io.BytesIO()

    async def run(self, connection: Any, request: http.HttpRequest) -> None:
        stream: Any = connection.request(request, self._on_response, self._on_body)
        stream.activate()
        await result_of(stream.completion_future)

    def answer(self) -> Answer:
        assert self.status is not None
        headers = {name.lower(): value for name, value in self._headers}
        return Answer(self.status, headers, self._body.getvalue())

    def _on_response(self, *, status_code: int, headers: list[tuple[str, str]], **_: Any) -> None:
        self.status = status_code
        self._headers = headers

    def _on_body(self, *, chunk: bytes, **_: Any) -> None:
        self._body.write(chunk)
