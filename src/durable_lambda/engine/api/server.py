"""`Server`: an engine's API on a port, in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from types import TracebackType
from typing import Final

import uvicorn

from durable_lambda.engine.api.access import Access, is_loopback
from durable_lambda.engine.api.app import Application
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.engine import Engine
from durable_lambda.engine.errors import EngineClosedError
from durable_lambda.errors import ExecutionError, ValidationError

DEFAULT_PORT: Final = 9000
MAX_CONNECTIONS: Final = 2_000
"""Requests under way at the same time; more are answered with 503, which clients try again."""
GRACE_SECONDS: Final = 5


class PortInUseError(ExecutionError):
    """Another program listens there."""

    code = "PORT_IN_USE"


class Server:
    """Serves an engine until it is closed; the engine stays open.

    ```python
    with Engine("orders.db") as engine, Server(engine, port=9000) as server:
        boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1")
    ```

    Args:
        engine: what to serve.
        host: the address to listen on; a loopback address by default.
        port: 9000 by default; 0 for any that is free.
        access: the secrets that clients have to prove. Without any the address has to be a loopback address.
        function: serve nothing but the Runtime API, of this function. Default: everything.

    Raises (on entering): `PortInUseError`; `ValidationError` for an address that is not loopback without `access`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        access: Access | None = None,
        function: str | None = None,
    ) -> None:
        self._access = access or Access()
        if self._access.is_open and not is_loopback(host):
            raise ValidationError(
                f"{host} can be reached from other machines: give an access token or key, or listen on 127.0.0.1"
            )
        self._engine = engine
        self._function = function
        self._address = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._socket is None:
            raise EngineClosedError("the server is not open")
        return self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = self._address[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __enter__(self) -> Server:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def listen(self) -> None:
        """Take the port, and let those that connect wait until `open`: until the functions are registered, say.

        Raises `PortInUseError`.
        """
        self._socket = _listen(*self._address)

    def open(self) -> None:
        """Listen, if it does not yet, and answer from now on."""
        if self._socket is None:
            self.listen()
        config = uvicorn.Config(
            Application(Gateway(self._engine.thread), self._access, self._function),
            http="h11",
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="durable-lambda api", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more requests, and end when those under way are answered, after five seconds at the latest."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    def _serve(self) -> None:
        assert self._server is not None
        assert self._socket is not None
        asyncio.run(self._server.serve([self._socket]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # with it asyncio sets TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} of {host} is in use by another program; stop that one, or give another port"
            ) from error
        raise ValidationError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener
