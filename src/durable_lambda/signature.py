"""What a durable function must look like, checked when it is made one, with the right form in the message."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from inspect import Parameter
from typing import Any, Final, TypeVar

from durable_lambda.arguments import is_async
from durable_lambda.errors import ValidationError
from durable_lambda.protocol.backend import DurableBackend

T = TypeVar("T")

RIGHT_FORM: Final = "async def handler(event: Order, ctx: DurableContext) -> Receipt: ..."
_DERIVE: Final = "derive it from DurableHandler, and use an instance of it"
_RIGHT_DEF: Final = "def handler(event: Order, ctx: SyncDurableContext) -> Receipt: ..."


def check_signature(fn: Callable[..., Any]) -> str:
    """The name of the parameter that takes the event.

    Raises:
        ValidationError: It is no function that takes an event and a context.
    """
    shown = getattr(fn, "__qualname__", None) or repr(fn)
    if isinstance(fn, type):
        to_do = f"use an instance of it, {fn.__name__}(…)" if hasattr(fn, "builder") else _DERIVE
        raise ValidationError(f"{shown} is a class: {to_do}")
    if not callable(fn):
        raise ValidationError(f"a durable function is a function, not {fn!r}: {RIGHT_FORM}")
    if inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        raise ValidationError(f"{shown} yields, and a durable function returns: {RIGHT_FORM}")
    parameters = list(inspect.signature(fn).parameters.values())
    positional = [
        each for each in parameters if each.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [
        each
        for each in parameters
        if each.default is Parameter.empty and each.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    ]
    is_other = len(positional) < 2 or len(required) > 2 or _context_named(fn, positional[0].name)
    if is_other or any(each.kind is Parameter.KEYWORD_ONLY for each in required):
        form = RIGHT_FORM if is_async(fn) else _RIGHT_DEF
        raise ValidationError(
            f"{shown}{inspect.signature(fn)} must take the event and the context, in this order: {form}"
        )
    _check_context(fn, shown, positional[1].name)
    return positional[0].name


def _check_context(fn: Callable[..., Any], shown: str, parameter: str) -> None:
    """An annotation of the other kind of context is a mistake that would show only at the first `await`."""
    named = _context_named(fn, parameter)
    if is_async(fn) and named == "SyncDurableContext":
        raise ValidationError(f"{shown} is an `async def`, so its context is a DurableContext: {RIGHT_FORM}")
    if not is_async(fn) and named == "DurableContext":
        raise ValidationError(
            f"{shown} is a `def`, so its context is a SyncDurableContext, whose operations block: {_RIGHT_DEF}; "
            "or make it an `async def`"
        )


def _context_named(fn: Callable[..., Any], parameter: str) -> str:
    """Which kind of context a parameter is annotated with; nothing for another annotation."""
    annotation = getattr(fn, "__annotations__", {}).get(parameter)
    named = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    named = named.rpartition(".")[2]
    return named if named in ("DurableContext", "SyncDurableContext") else ""


def checked_backend(backend: T) -> T:
    """The backend of a handler. Raises `ValidationError` when it is none."""
    if backend is not None and (isinstance(backend, type) or not isinstance(backend, DurableBackend)):
        raise ValidationError(
            f"backend= takes an object with the coroutines checkpoint and get_execution_state, not {backend!r}: "
            "durable_lambda.backends.AwsBackend()"
        )
    return backend


def checked_delay(seconds: float) -> float:
    """The start delay. Raises `ValidationError` when it is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"start_delay must be seconds from 0, not {seconds!r}")
    return seconds


def checked_error_hook(on_error: T) -> T:
    """The error hook. Raises `ValidationError` when it cannot be called."""
    if on_error is not None and not callable(on_error):
        raise ValidationError(f"on_error= takes a function of the exception, not {on_error!r}")
    return on_error
