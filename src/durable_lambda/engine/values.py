"""Values at the engine's edge: events and results as JSON, names and durations with their bounds in the message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from durable_lambda.engine.errors import FunctionError
from durable_lambda.engine.machine.identity import NAME
from durable_lambda.errors import DeserializationError, ValidationError
from durable_lambda.payloads import error_object
from durable_lambda.protocol.hosting import InvocationInterrupted
from durable_lambda.protocol.operations import ErrorObject


def decode_value(what: str, text: str | None) -> Any:
    """The value of a JSON text; `None` for no text. Raises `DeserializationError`."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise DeserializationError(f"the {what} is not JSON: {error}") from error


def error_of(error: BaseException | str | ErrorObject) -> ErrorObject:
    """`error_object`, of what the engine raises for a function too."""
    if isinstance(error, FunctionError):
        return error.error
    if isinstance(error, InvocationInterrupted):
        assert error.__cause__ is not None
        return ErrorObject(error.error_type, str(error), None, error_object(error.__cause__).stack_trace)
    return error_object(error)


def check_name(what: str, name: str) -> str:
    """The name, if the service would take it. Raises `ValidationError`."""
    if NAME.fullmatch(name) is None:
        raise ValidationError(f"the {what} {name!r} must be 1 to 64 letters, digits, '-' or '_'")
    return name


def check_no_class(function: object) -> None:
    """Raises `ValidationError` for the class of a durable function in place of its instance."""
    if isinstance(function, type):
        raise ValidationError(f"{function.__qualname__} is a class: use an instance of it, {function.__name__}(…)")


def name_of(function: object) -> str:
    """What a function is called when nobody says otherwise. Raises `ValidationError` for one that has no name."""
    name = getattr(function, "name", None) or getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise ValidationError(f"{function!r} has no name of its own: register(function, name=…)")
    return name


def seconds_of(what: str, duration: int | timedelta, lowest: int, highest: int) -> int:
    """Whole seconds within bounds. Raises `ValidationError`."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if isinstance(seconds, bool) or seconds != int(seconds) or not lowest <= seconds <= highest:
        raise ValidationError(f"{what} must be a whole number of seconds from {lowest} to {highest}, not {duration!r}")
    return int(seconds)
