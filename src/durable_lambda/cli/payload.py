"""JSON from the command line: `JSON` itself, or `@FILE`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from durable_lambda.cli.failure import CommandError


def read_payload(option: str, text: str) -> str:
    """The JSON that an option gives, checked and otherwise as it was written. `option` names it in messages."""
    source = option
    if text.startswith("@"):
        source = text[1:]
        text = _read_file(option, Path(source))
    try:
        json.loads(text, parse_constant=_refuse_constant)
        msgspec.json.decode(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"{source} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise CommandError(f"{source} is not JSON that can be read: {error}") from None
    return text


def _refuse_constant(constant: str) -> None:
    """Python reads `NaN` and `Infinity`, which no JSON has."""
    raise ValueError(f"it has {constant}")


def _read_file(option: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(f"{option}: there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(f"{option}: cannot read {path}: {reason}") from None
