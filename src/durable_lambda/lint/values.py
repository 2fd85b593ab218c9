"""What an expression may stand for, as far as the text of one file tells.

Something of another module is its dotted path, with `()` for what a call of it gives, so that a rule can name
`httpx.AsyncClient().get` and mean any client, however it was imported or kept.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

from durable_lambda.lint.syntax import Function


@dataclass(frozen=True, slots=True)
class External:
    """Something that this file does not define."""

    path: str


@dataclass(frozen=True, slots=True)
class Local:
    """A function of this file, with so many positional arguments given already; -1 where nobody can tell."""

    node: Function
    bound: int = 0


@dataclass(frozen=True, slots=True)
class Coroutine:
    """What a call of an `async def` of this file gives."""

    node: Function


@dataclass(frozen=True, slots=True)
class Class:
    """A class of this file."""

    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a class of this file."""

    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Context:
    """A durable context; `is_async` is `None` where nobody can tell whether its operations block."""

    is_async: bool | None


@dataclass(frozen=True, slots=True)
class Saga:
    """What `ctx.saga()` gives."""

    is_async: bool | None


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a context or of a saga, not yet called."""

    name: str
    is_async: bool | None
    of_saga: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """An operation that was called."""

    is_async: bool | None


Value: TypeAlias = External | Local | Coroutine | Class | Instance | Context | Saga | Method | Started
Values: TypeAlias = tuple[Value | None, ...]
"""Everything that an expression may be; `None` among them is what nobody can tell."""

UNKNOWN: Values = (None,)


def union(*parts: Values) -> Values:
    """All of these, each once."""
    return tuple(dict.fromkeys(value for part in parts for value in part)) or UNKNOWN
