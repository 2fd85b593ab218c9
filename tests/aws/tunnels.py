"""An HTTP proxy on this machine, which makes tunnels: all of them lead to one port here, whatever is asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

ENDED = OSError, ValueError


class TunnelProxy(ThreadingTCPServer):
    """`asked` has the head of each request. `answer` is what a request is answered with."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.leads_to = port
        self.asked: list[list[str]] = []
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[TunnelProxy]:
        thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class _Tunnel(StreamRequestHandler):
    server: TunnelProxy
    rbufsize = 0

    def handle(self) -> None:
        self.server.asked.append([line.decode().rstrip() for line in iter(self.rfile.readline, b"\r\n")])
        self.wfile.write(self.server.answer)
        if b" 200 " in self.server.answer:
            with socket.create_connection(("127.0.0.1", self.server.leads_to)) as other:
                back = threading.Thread(target=pass_on, args=(other, self.connection))
                back.start()
                pass_on(self.connection, other)
                back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Everything that comes, and its end."""
    with suppress(*ENDED):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(*ENDED):
        target.shutdown(socket.SHUT_WR)
