"""What can go wrong with one request to the service: each is done to the next request that comes."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

Fault = Callable[[BaseHTTPRequestHandler, Callable[[], bytes]], None]
"""Answers a request in its own way; the second argument carries the request out and gives the true answer."""


def refuse(status: int, code: str, message: str, **headers: str) -> Fault:
    """An error of the service, as it spells it."""

    def fault(handler: BaseHTTPRequestHandler, _: Callable[[], bytes]) -> None:
        key = "message" if status in (400, 429) else "Message"
        body = json.dumps({"Type": "User", key: message}).encode()
        handler.send_response(status)
        handler.send_header("x-amzn-ErrorType", code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return fault


def respond(status: int, body: bytes) -> Fault:
    """Any answer at all."""

    def fault(handler: BaseHTTPRequestHandler, _: Callable[[], bytes]) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return fault


def reset(handler: BaseHTTPRequestHandler, _: Callable[[], bytes]) -> None:
    """The connection is reset before there is an answer, and nothing was done."""
    _reset(handler)


def hang_up(handler: BaseHTTPRequestHandler, _: Callable[[], bytes]) -> None:
    """The connection is closed in good order before there is an answer, and nothing was done."""
    handler.close_connection = True


def lose_answer(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
    """The request is carried out; the connection is reset before the answer."""
    carry_out()
    _reset(handler)


def cut_answer(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
    """The request is carried out; the connection is reset in the middle of the answer."""
    body = carry_out()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    _reset(handler)


def never_answer(released: threading.Event) -> Fault:
    """The request is carried out; the answer does not come before `released` is set."""

    def fault(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
        carry_out()
        released.wait(30)
        _reset(handler)

    return fault


def answer(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
    """Nothing is wrong."""
    respond(200, carry_out())(handler, carry_out)


def trickle(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
    """The answer comes in small pieces."""
    body = carry_out()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for start in range(0, len(body), 7):
        handler.wfile.write(body[start : start + 7])
        handler.wfile.flush()


def hang_up_afterwards(handler: BaseHTTPRequestHandler, carry_out: Callable[[], bytes]) -> None:
    """A whole answer; then the connection, which the client keeps, is closed without a word."""
    answer(handler, carry_out)
    handler.close_connection = True


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
