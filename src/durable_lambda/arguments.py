"""Names, durations and functions as users give them, checked before anything is sent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from inspect import CO_COROUTINE
from typing import Any, TypeAlias

from durable_lambda.errors import ValidationError
from durable_lambda.protocol.limits import MAX_OPERATION_NAME

Duration: TypeAlias = int | timedelta
"""Whole seconds, or a `timedelta` of whole seconds."""


def whole_seconds(duration: Duration, what: str, *, minimum: int, maximum: int) -> int:
    """The duration in seconds.

    Raises:
        ValidationError: It is no duration, has a fraction of a second, or is out of bounds.
    """
    if isinstance(duration, timedelta):
        seconds = duration // timedelta(seconds=1)
        if timedelta(seconds=seconds) != duration:
            raise ValidationError(f"{what} must be whole seconds, not {duration!r}: round it to timedelta(seconds=…)")
    elif isinstance(duration, bool) or not isinstance(duration, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"{what} must be whole seconds (int) or a timedelta, not {duration!r}")
    else:
        seconds = duration
    if not minimum <= seconds <= maximum:
        raise ValidationError(f"{what} must be from {minimum} to {maximum} seconds, not {seconds}")
    return seconds


def positive_seconds(duration: float | timedelta, what: str) -> float:
    """A deadline that this process keeps itself, which may have fractions of a second.

    Raises:
        ValidationError: It is no duration, or not above 0.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"{what} must be seconds above 0 or a timedelta, not {duration!r}")
    return float(seconds)


def check_name(name: str | None, operation: str) -> None:
    """Raises `ValidationError` when a name is not 1 to 256 printable ASCII characters; `None` is no name."""
    if name is None:
        return
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(
            f"the first argument of {operation}() is the operation's name, a str or None, not {name!r}; "
            f'write ctx.{operation}("some-name", …)'
        )
    if not 0 < len(name) <= MAX_OPERATION_NAME:
        raise ValidationError(
            f"the name of {operation}() must have 1 to {MAX_OPERATION_NAME} characters, not {len(name)}: {_shown(name)}"
        )
    if not (name.isascii() and name.isprintable()):
        bad = next(char for char in name if not (char.isascii() and char.isprintable()))
        raise ValidationError(
            f"the name of {operation}() may have printable ASCII characters only, not {bad!r}: {_shown(name)}"
        )


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 60 else name[:57] + "...")


def check_callable(fn: object, operation: str) -> None:
    """Raises `ValidationError` for what is not called but was, or cannot be."""
    if callable(fn):
        return
    if inspect.iscoroutine(fn):
        fn.close()
        hint = f"pass the function and its arguments: ctx.{operation}(name, {fn.__name__}, …), not {fn.__name__}(…)"
        raise ValidationError(f"{operation}() takes a function, not the coroutine {fn.__qualname__}(…); {hint}")
    raise ValidationError(f"{operation}() takes a function after the name, not {fn!r}")


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether a callable is an `async def`, also as a method or in a `partial`."""
    while isinstance(fn, partial):
        fn = fn.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    code = getattr(fn, "__code__", None)
    if code is not None:
        return code.co_flags & CO_COROUTINE != 0
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004
