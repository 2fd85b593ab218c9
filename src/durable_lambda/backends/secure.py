"""Connections with TLS, by `awscrt`: those to AWS.

The library has one thread of its own, which answers by futures. Its objects are `Any` here, since its types are
incomplete. It reads no answer that ends with its connection instead of telling its length; such servers are local ones,
for which `plain` is made.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections import deque
from typing import Any

from awscrt import exceptions, http  # pyright: ignore[reportMissingTypeStubs]
from awscrt import io as crt  # pyright: ignore[reportMissingTypeStubs]

from durable_lambda.backends.messages import Answer, Request, StaleConnectionError
from durable_lambda.backends.native import bootstrap, result_of
from durable_lambda.backends.settings import Endpoint

_http: Any = http


class SecureConnections:
    """A `Transport`.

    Args:
        endpoint: Where to.
        timeout: Seconds for an answer, all of it.
        connect_timeout: Seconds for a connection.
        authorities: A file of certificates to trust instead of the system's.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, connect_timeout: float, authorities: str | None) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._socket_options = crt.SocketOptions()
        self._socket_options.connect_timeout_ms = math.ceil(connect_timeout * 1000)
        options: Any = crt.TlsContextOptions()
        if authorities is not None:
            options.override_default_trust_store_from_path(ca_filepath=authorities)
        self._tls: Any = crt.ClientTlsContext(options)
        self._idle: deque[Any] = deque()

    async def send(self, request: Request) -> Answer:
        connection = self._take()
        was_idle = connection is not None
        if connection is None:
            connection = await self._connect()
        exchange = _Exchange()
        try:
            async with asyncio.timeout(self._timeout):
                await exchange.run(connection, _native(request))
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

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Any | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_open():
                return connection

    async def _connect(self) -> Any:
        options: Any = self._tls.new_connection_options()
        options.set_server_name(self._endpoint.host)
        connecting: Any = _http.HttpClientConnection.new(
            self._endpoint.host, self._endpoint.port, bootstrap(), self._socket_options, options
        )
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await result_of(connecting)
        except TimeoutError as error:
            text = f"no connection to {self._endpoint.authority} within {self._connect_timeout:g} s"
            raise ConnectionError(text) from error
        except exceptions.AwsCrtError as error:
            raise ConnectionError(f"no connection to {self._endpoint.authority}: {error}") from error


def _native(request: Request) -> http.HttpRequest:
    stream = io.BytesIO(request.body) if request.body else None
    return http.HttpRequest(request.method, request.target, http.HttpHeaders(request.headers), stream)


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
