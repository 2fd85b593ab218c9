"""Log records as lines of JSON, with the names that Lambda's own JSON log format has for what both have.

A log line is written when something goes wrong, so it must not go wrong itself: a value that JSON cannot say is shown
as text, also when its `__str__` raises, and a line is one line for every reader.
"""

from __future__ import annotations

import json
import logging
import math
import traceback
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, cast

from durable_lambda.failures import text_of
from durable_lambda.runtime.logging import current_fields

_NOT_EXTRA: Final = frozenset(
    (*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "aws_request_id", "tenant_id")
)
"""Attributes that a record has of its own, or that are written under another name."""

_LINE_BREAKS: Final = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}
"""Line breaks to some readers, and not escaped in JSON."""

_MAX_DEPTH: Final = 20


class JsonFormatter(logging.Formatter):
    """A formatter of the standard `logging` that writes each record as one line of JSON.

    A line has `timestamp` (UTC, milliseconds), `level`, `message` and `logger`; in a durable function `executionArn`,
    `requestId` and `parentId`, and in the body of a step `operationId`, `operationName` and `attempt`, whichever logger
    it comes from; every field of `extra=`; and of an exception `errorType`, `errorMessage`, `stackTrace` and
    `location`. A message that is a dict stays one. What is `None` is left out. A value that JSON cannot say is shown
    as text.

    In Lambda with the log format JSON you need no formatter: Lambda's own writes the same fields for `ctx.logger`, and
    with an `ExecutionFields` filter for every logger.

    Example:
        lines = logging.StreamHandler(sys.stdout)
        lines.setFormatter(JsonFormatter())
        logging.basicConfig(level=logging.INFO, handlers=[lines], force=True)
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, without a line break in it or after it. Never raises for what is in the record."""
        fields: dict[str, Any] = {
            "timestamp": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": _message(record),
            "logger": record.name,
        }
        fields |= _exception(record)
        for more in (_extra(record), _of_lambda(record), current_fields()):
            for key, value in more.items():
                if value is not None:
                    fields.setdefault(key, value)
        return _line(fields)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _NOT_EXTRA and not key.startswith("_")}


def _of_lambda(record: logging.LogRecord) -> dict[str, object]:
    """What Lambda's runtime client adds to a record."""
    found = {"requestId": getattr(record, "aws_request_id", None), "tenantId": getattr(record, "tenant_id", None)}
    return {key: value for key, value in found.items() if value}


def _message(record: logging.LogRecord) -> object:
    message: object = record.msg
    if isinstance(message, dict) and not record.args:
        return cast("object", message)
    try:
        return record.getMessage()
    except Exception:  # its arguments do not fit: better odd than lost
        return f"{shown(cast('object', message))} {shown(record.args)}"


def _exception(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = {}
    if record.exc_info and (error := record.exc_info[1]) is not None:
        found = {
            "errorType": type(error).__name__,
            "errorMessage": text_of(error),
            "stackTrace": [line.rstrip("\n") for line in _lines_of(error)],
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
        }
    elif record.exc_text:
        found = {"stackTrace": record.exc_text.splitlines()}
    return found | ({"stackInfo": record.stack_info} if record.stack_info else {})


def _lines_of(error: BaseException) -> list[str]:
    try:
        return traceback.format_exception(error)
    except Exception:  # before Python 3.13, of a class whose `__getattr__` raises what is no `AttributeError`
        return traceback.format_tb(error.__traceback__)


def shown(value: object) -> Any:
    """What stands for a value that JSON cannot say."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if type(value) in (set, frozenset):
        return list(cast("set[object]", value))
    try:
        return repr(value) if isinstance(value, (bytes, bytearray)) else str(value)
    except Exception:  # a user's `__str__` must not cost the line
        return f"<{type(value).__qualname__} without text>"


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=shown).encode


def _line(fields: dict[str, Any]) -> str:
    try:
        line = _encode(fields)
    except Exception:  # a key that is no text, a number that is none, something within itself
        line = _encode(_plain(fields, ()))
    if line.isascii():
        return line
    return line.encode("utf-8", "backslashreplace").decode().translate(_LINE_BREAKS)


def _plain(value: object, around: tuple[int, ...]) -> Any:
    """The value in what JSON has, whatever it is, and no deeper than a person reads.

    Args:
        value: The value.
        around: What it is in, by identity: something may be within itself.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if id(value) in around or len(around) == _MAX_DEPTH:
        return "…"
    around = (*around, id(value))
    try:
        return _in_json(value, around)
    except Exception:  # a container of the user's
        return shown(value)


def _in_json(value: object, around: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {key if isinstance(key, str) else f"{shown(key)}": _plain(each, around) for key, each in items}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each, around) for each in cast("list[object]", value)]
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 2**64:
        return value
    return shown(value)
