"""Whether a connection that was kept may be used again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from durable_lambda.backends.streams import PlainStream


@pytest.fixture
def ends() -> Iterator[tuple[PlainStream, socket.socket]]:
    """A stream, and the socket of the other side."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield PlainStream(ours), theirs


def test_a_connection_on_which_nothing_came_is_quiet(ends: tuple[PlainStream, socket.socket]) -> None:
    assert ends[0].is_quiet()


def test_a_connection_that_was_hung_up_is_not(ends: tuple[PlainStream, socket.socket]) -> None:
    stream, other = ends
    other.close()
    assert not stream.is_quiet()


def test_nor_is_one_on_which_something_came_that_nobody_asked_for(ends: tuple[PlainStream, socket.socket]) -> None:
    stream, other = ends
    other.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert not stream.is_quiet()
    stream.close()
    assert not stream.is_quiet()
