"""Connections without TLS: to an engine or an emulator on this machine, by the standard library.

Each exchange takes a thread. That costs a tenth of a millisecond and no native library, and it reads the answers of
servers that tell no length, such as the official runner's.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections import deque

from durable_lambda.backends.messages import Answer, Request, StaleConnectionError
from durable_lambda.backends.settings import Endpoint


class PlainConnections:
    """A `Transport`.

    Args:
        endpoint: Where to.
        timeout: Seconds for each part of an answer to come.
        connect_timeout: Seconds for a connection.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, connect_timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._idle: deque[http.client.HTTPConnection] = deque()

    async def send(self, request: Request) -> Answer:
        # Who is cancelled here leaves the exchange to its thread, which puts the connection back when it is through.
        return await asyncio.to_thread(self._exchange, request)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: Request) -> Answer:
        try:
            connection, was_idle = self._idle.pop(), True
        except IndexError:
            connection, was_idle = self._connect(), False
        is_answered = False
        try:
            _send(connection, request)
            response = connection.getresponse()
            is_answered = True
            body = response.read()
        except TimeoutError as error:
            connection.close()
            text = f"{self._endpoint.authority} gave no complete answer within {self._timeout:g} s"
            raise TimeoutError(text) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            kind = StaleConnectionError if was_idle and not is_answered else ConnectionError
            raise kind(
                f"the connection to {self._endpoint.authority} broke: {error or type(error).__name__}"
            ) from error
        if connection.sock is not None:  # else the answer ended with it
            self._idle.append(connection)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._endpoint.host, self._endpoint.port, timeout=self._connect_timeout)
        try:
            connection.connect()
        except OSError as error:
            raise ConnectionError(f"no connection to {self._endpoint.authority}: {error}") from error
        with contextlib.suppress(OSError):  # the peer may be gone already, which the request will tell
            connection.sock.settimeout(self._timeout)
        return connection


def _send(connection: http.client.HTTPConnection, request: Request) -> None:
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers:
        connection.putheader(name, value)
    connection.endheaders(request.body or None)
