"""What commands print at their end: results, errors, tables, and JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from durable_lambda.cli.live import line_writer
from durable_lambda.cli.summary import Summary
from durable_lambda.drawing.words import visible
from durable_lambda.failures import RecordedException
from durable_lambda.protocol.operations import ErrorObject


def print_json(value: Any) -> None:
    """A document for a program."""
    print_lines(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(*lines: str) -> None:
    """Lines for people, at once and in an encoding that the terminal knows."""
    write = line_writer(sys.stdout)
    for line in lines:
        write(line)


def pretty(payload: str | None) -> str:
    """A stored payload, indented; as it is if it is no JSON."""
    if payload is None:
        return "null"
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload


def print_outcome(summary: Summary) -> None:
    """The result of an execution that succeeded, the error of one that did not, or why it is paused."""
    if summary.status == "SUCCEEDED":
        print_lines(pretty(summary.result))
    elif summary.ended_at is not None:
        print_lines(*error_lines(summary.error))
    elif summary.pause_reason is not None:
        print_lines(*[visible(line) for line in f"paused: {summary.pause_reason}".splitlines()])


def error_lines(error: ErrorObject | None) -> list[str]:
    """An error with everything that is recorded of it."""
    if error is None:
        return ["no error was recorded"]
    head = ": ".join(part for part in (error.error_type, error.error_message) if part)
    lines = [head or "an error without type or message"]
    if error.error_data and not _is_for_rebuilding(error.error_data):
        lines.append(f"  data: {error.error_data}")
    for entry in error.stack_trace or []:
        lines += ["  " + line for line in entry.rstrip().splitlines()]
    return [visible(line) for line in lines]


def _is_for_rebuilding(data: str) -> bool:
    """Whether it is what the SDK writes to rebuild an exception: all that a person wants to know is in the message."""
    try:
        content = json.loads(data)
    except ValueError:
        return False
    known = RecordedException.__struct_fields__
    return isinstance(content, dict) and cast("dict[str, object]", content).keys() <= set(known)
