"""What comes from outside of durable functions, as the service takes it: values of events and answers, and failures.

Both the engine and whoever talks to the service's API write these; neither needs the other for it.
"""

from __future__ import annotations

import traceback
from typing import Any

import msgspec

from durable_lambda.errors import SerializationError
from durable_lambda.protocol.operations import ErrorObject


def encode_value(what: str, value: Any) -> str:
    """The value as canonical JSON: keys sorted, no spaces. Raises `SerializationError`."""
    try:
        return msgspec.json.encode(value, order="sorted").decode("utf-8")
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise SerializationError(f"the {what} cannot be written as JSON: {error}") from error


def error_object(error: BaseException | str | ErrorObject) -> ErrorObject:
    """An exception, a message or an error object as an error object: the type as the wire names it, text, stack."""
    if isinstance(error, ErrorObject):
        return error
    if isinstance(error, str):
        return ErrorObject(None, error)
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    stack = [line.rstrip("\n") for line in traceback.format_tb(error.__traceback__)]
    return ErrorObject(name, str(error), None, stack or None)
