"""However a handler is written, the service sees the same.

The same workflows are run as {decorated function, class, plain function, builder} x {async def, def}, called as Lambda
calls them and hosted on a loop as an engine hosts them, and compared with the first of these.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from drive import Execution
from durable_lambda import DurableContext, DurableHandler, Handler, SyncDurableContext, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.events import event_to_wire
from durable_lambda.protocol.updates import OperationUpdate
from prefixes import to_the_end
from recording import RecordingBackend
from twins import ALL, ANSWERS, BY_HAND, Twins

SIDE_BY_SIDE = {"side_by_side", "races"}
"""Workflows whose branches run at the same time: their updates interleave as it happens."""


def decorated(fn: Callable[..., Any], **options: Any) -> Handler[Any, Any]:
    return durable_execution(**options)(fn)


def built(fn: Callable[..., Any], *, backend: Any = None, start_delay: float = 0.05, hooks: Any = None) -> Any:
    builder = Handler.builder(fn).with_start_delay(start_delay)
    builder = builder if backend is None else builder.with_backend(backend)
    return (builder if hooks is None else builder.with_hooks(hooks)).build()


def of_a_class(fn: Callable[..., Any], **options: Any) -> Handler[Any, Any]:
    if fn.__name__.endswith("_blocking"):

        class Blocking(DurableHandler, **options):
            def handle(self, event: Any, ctx: SyncDurableContext) -> Any:
                return fn(event, ctx)

        return Blocking()

    class Awaiting(DurableHandler, **options):
        async def handle(self, event: Any, ctx: DurableContext) -> Any:
            return await fn(event, ctx)

    return Awaiting()


STYLES = {"decorator": decorated, "class": of_a_class, "function": Handler, "builder": built}


class Told(NamedTuple):
    """All that the service gets to know of an execution."""

    envelope: dict[str, Any]
    calls: int
    updates: list[Any]


def told(twins: Twins, envelope: dict[str, Any], backend: RecordingBackend) -> Told:
    error = envelope.get("Error")
    if error is not None:
        envelope = {**envelope, "Error": {key: error[key] for key in ("ErrorType", "ErrorMessage", "ErrorData")}}
    updates = [wire(update) for update in backend.updates]
    if twins.name in SIDE_BY_SIDE:
        by_operation: dict[str, list[Any]] = {}
        for update in updates:
            by_operation.setdefault(update["Id"], []).append(update)
        return Told(envelope, 0, [by_operation[each] for each in sorted(by_operation)])
    return Told(envelope, len(backend.calls), updates)


def wire(update: OperationUpdate) -> dict[str, Any]:
    """An update as it travels, without where its error was raised and what the clock said."""
    shown = msgspec.to_builtins(update)
    if update.sub_type == "Now":
        shown.pop("Payload", None)
    if shown.get("Payload"):
        shown["Payload"] = json.loads(shown["Payload"])
    return without(shown, "StackTrace")


def without(value: Any, *keys: str) -> Any:
    """A JSON value without what some keys have, at any depth."""
    if isinstance(value, dict):
        return {key: without(each, *keys) for key, each in value.items() if key not in keys}
    return [without(each, *keys) for each in value] if isinstance(value, list) else value


@contextmanager
def execution_of(fn: Callable[..., Any], style: str, where: str) -> Iterator[Execution]:
    if where == "called":
        yield Execution(fn, "event", style=STYLES[style])
        return
    with closing(InvocationLoop()) as loop:
        yield Execution(fn, "event", style=STYLES[style], loop=loop)


@functools.cache
def reference(twins: Twins) -> Told:
    execution = Execution(twins.awaiting, "event")
    envelope = to_the_end(execution, ANSWERS)
    assert (envelope["Status"] == "FAILED") == (twins.name == "fails"), envelope
    return told(twins, envelope, execution.backend)


@pytest.mark.parametrize("where", ["called", "hosted"])
@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("twins", BY_HAND, ids=str)
def test_results_and_updates_are_the_same(twins: Twins, style: str, kind: str, where: str) -> None:
    with execution_of(getattr(twins, kind), style, where) as execution:
        seen = told(twins, to_the_end(execution, ANSWERS), execution.backend)
    assert seen.envelope == reference(twins).envelope
    assert seen.updates == reference(twins).updates
    assert seen.calls == reference(twins).calls


async def double(event: int, ctx: DurableContext) -> int:
    return await ctx.step("double", lambda: event * 2, result_type=int)


