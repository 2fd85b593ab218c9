"""A request and its answer, and how a transport fails: what those who send and those who read have in common."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Request(msgspec.Struct):
    """An HTTP request; its target is the path with the query."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class Answer(msgspec.Struct):
    """An HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class StaleConnectionError(ConnectionError):
    """A connection that had been idle failed before it was answered: another one may do."""


class Transport(Protocol):
    """Connections to one endpoint, kept open between requests and between invocations.

    It belongs to no loop. A connection that was idle may have been closed by the other side (a frozen Lambda does not
    notice), and so its failure says nothing.
    """

    async def send(self, request: Request) -> Answer:
        """Send a request and read its answer.

        Raises:
            StaleConnectionError: See there.
            ConnectionError: No connection could be made, or it broke.
            TimeoutError: There was no answer in time.
        """
        ...

    def close(self) -> None:
        """Close the connections that are idle."""
        ...
