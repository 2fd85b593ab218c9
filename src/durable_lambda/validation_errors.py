"""pydantic's `ValidationError`, as the error of a step: it has no constructor, so pydantic makes it of what it tells.

Pydantic is never imported here: an error of its exists only where the user's code has imported it.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import msgspec

_NAME: Final = ("pydantic_core._pydantic_core", "ValidationError")


def is_validation_error(cls: type[BaseException]) -> bool:
    """Whether a class is pydantic's own, which cannot have subclasses."""
    return (cls.__module__, cls.__qualname__) == _NAME


def told_by(error: Any) -> dict[str, Any]:
    """What a validation error tells, as attributes for its record.

    What was validated is left out where the model hides it, or JSON cannot say it.
    """
    errors = error.errors(include_url=False)
    is_hidden = "input_value=" not in str(error) or not _has_form(errors)
    if is_hidden:
        errors = error.errors(include_url=False, include_input=False)
    return {"title": error.title, "errors": errors, "hide_input": is_hidden}


def _has_form(errors: list[dict[str, Any]]) -> bool:
    try:
        msgspec.json.encode([each["input"] for each in errors])
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def remade(told: dict[str, Any]) -> BaseException:
    """The error of what it told. Raises what pydantic raises for what it does not know."""
    core: Any = sys.modules["pydantic_core"]
    lines = [_line(core, each) for each in told["errors"]]
    made: BaseException = core.ValidationError.from_exception_data(told["title"], lines, hide_input=told["hide_input"])
    made.args = ()  # as one that a model raises
    return made


def _line(core: Any, error: dict[str, Any]) -> dict[str, Any]:
    kind, context = error["type"], error.get("ctx")
    try:
        core.PydanticKnownError(kind, context)
    except (KeyError, TypeError):  # of a validator's own
        kind = core.PydanticCustomError(kind, error["msg"], context)
    line = {"type": kind, "loc": error["loc"], "input": error.get("input")}
    return line if context is None else line | {"ctx": context}
