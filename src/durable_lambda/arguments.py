"""Names and durations as users give them, checked against the service's bounds before anything is sent."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TypeAlias

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
