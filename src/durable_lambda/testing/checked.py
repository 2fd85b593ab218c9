"""What a test gives, checked: functions that are durable, and names that are there, with the one that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from durable_lambda.errors import ValidationError
from durable_lambda.protocol.hosting import DurableFunction


def check_durable(handler: object, what: str) -> None:
    """Raise `ValidationError` for what is no handler."""
    if not isinstance(handler, DurableFunction) or isinstance(handler, type):
        raise ValidationError(
            f"{what}() takes a durable function, not {handler!r}: put @durable_execution above it, or give an instance "
            "of a DurableHandler"
        )


def meant(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant, for the end of a sentence; empty if none is near."""
    close = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def among(name: str, names: Iterable[str]) -> str:
    """The same, and all that there are."""
    known = sorted(set(names))
    return f"{meant(name, known) or '.'} There {'are' if known else 'is none'} {', '.join(map(repr, known))}".rstrip()
