"""Names, durations and functions as users give them, checked before anything is sent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from inspect import CO_COROUTINE
from typing import Any, TypeAlias, TypeVar

from durable_lambda.errors import ValidationError
from durable_lambda.protocol.limits import MAX_OPERATION_NAME

T = TypeVar("T")

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
    if name is not None and not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(
            f"the first argument of {operation}() is the operation's name, a str or None, not {name!r}; "
            f'write ctx.{operation}("some-name", …)'
        )
    _check_text(name, f"{operation}()")


def check_part_name(name: str | None, part: str) -> None:
    """The same for the name of a part of an operation, which is no argument of its own: `a branch of parallel()`."""
    if name is not None and not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"the name of {part} must be a str or None, not {name!r}")
    _check_text(name, part)


def _check_text(name: str | None, of: str) -> None:
    if name is None:
        return
    if not 0 < len(name) <= MAX_OPERATION_NAME:
        raise ValidationError(
            f"the name of {of} must have 1 to {MAX_OPERATION_NAME} characters, not {len(name)}: {_shown(name)}"
        )
    if not (name.isascii() and name.isprintable()):
        bad = next(char for char in name if not (char.isascii() and char.isprintable()))
        raise ValidationError(f"the name of {of} may have printable ASCII characters only, not {bad!r}: {_shown(name)}")


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


def no_option(operation: str, fn: object, option: str, *_: str) -> ValidationError:
    """The error of a keyword that an operation does not have, and that was most likely meant for its function."""
    called = getattr(fn, "__name__", "fn")
    return ValidationError(
        f"{operation}() has no option {option!r}; keywords for the function go with it: "
        f"functools.partial({called}, {option}=…)"
    )


def check_predicate(fn: object, what: str, shown: str) -> None:
    """Raises `ValidationError` for what does not answer at once: a coroutine would count as a yes.

    Args:
        fn: What was given.
        what: What it was given for, with what it is to be.
        shown: An example.
    """
    if not callable(fn):
        raise ValidationError(f"{what}, not {fn!r}: {shown}")
    if is_async(fn):
        name = getattr(fn, "__name__", repr(fn))
        raise ValidationError(
            f"{what.partition(' takes ')[0]} takes a plain function, not the `async def` {name}: what has to be "
            "awaited belongs into a step, a check or a branch"
        )


def answer_of(answer: T, what: str) -> T:
    """The answer of a predicate. Raises `ValidationError` when it is a coroutine, which would count as a yes."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise ValidationError(
            f"{what} gave a coroutine, and not an answer: what has to be awaited belongs into a step, a check or a "
            "branch"
        )
    return answer


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether a callable is an `async def`, also as a method or in a `partial`."""
    while isinstance(fn, partial):
        fn = fn.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    code = getattr(fn, "__code__", None)
    if code is not None:
        return code.co_flags & CO_COROUTINE != 0
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004
