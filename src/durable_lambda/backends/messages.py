"""A request and its answer: what those who send and those who read have in common."""

from __future__ import annotations

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
