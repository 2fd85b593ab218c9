"""However a handler is written, the service sees the same.

The same workflows are run as {decorated function, class, plain function, builder} x {async def, def}, called as Lambda
calls them and hosted on a loop as an engine hosts them, and compared with the first of these.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from drive import Execution
from durable_lambda import (
    DurableContext,
    DurableHandler,
    ExecutionFailedError,
    Handler,
    SyncDurableContext,
    durable_execution,
)
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.engine import Execution as EngineExecution
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.events import event_to_wire
from durable_lambda.protocol.updates import OperationUpdate
from prefixes import to_the_end
from recording import RecordingBackend
from twins import ALL, ANSWERS, BY_HAND, Twins

SIDE_BY_SIDE = {"side_by_side", "races"}
"""Workflows whose branches run at the same time: their updates interleave as it happens."""

UNHURRIED = 30.0
"""Seconds that a START waits for its outcome: how busy the machine is must not decide how many calls there are."""


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
        yield Execution(fn, "event", style=STYLES[style], start_delay=UNHURRIED)
        return
    with closing(InvocationLoop()) as loop:
        yield Execution(fn, "event", style=STYLES[style], start_delay=UNHURRIED, loop=loop)


@functools.cache
def reference(twins: Twins) -> Told:
    execution = Execution(twins.awaiting, "event", start_delay=UNHURRIED)
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
    await ctx.wait("until who invokes is suspended", 60)
    return await ctx.step("double", lambda: event * 2, result_type=int)


class Lived(NamedTuple):
    """What an engine has of an execution that has ended."""

    result: Any
    history: list[Any]
    operations: list[Any]


VARYING = "StackTrace", "CallbackId", "RequestId", "DurableExecutionArn"
BY_TIMING = "EventId", "EventTimestamp", "StartTimestamp", "EndTimestamp"
DRAWN = "Payload", "Result"


def lived(twins: Twins, handler: Handler[Any, Any]) -> Lived:
    with Engine(":memory:", clock=SkippingClock(start=1_735_689_600_000)) as engine:
        engine.register(handler, name="twin")
        engine.register(Handler(double))
        execution = engine.start("twin", "event", execution_name="order-42")
        answer_callbacks(engine, execution)
        try:
            result = execution.result(timeout=10)
        except ExecutionFailedError as error:
            result = [error.error_type, error.error_message]
        history = [event_to_wire(each) for each in execution.history()]
        operations = [msgspec.to_builtins(each) for each in execution.operations()]
    if twins.name == "values":  # they are drawn from the id of the execution
        return Lived(None, comparable(execution, history, *DRAWN), comparable(execution, operations, *DRAWN))
    if twins.name in SIDE_BY_SIDE:
        return Lived(result, in_any_order(execution, history), in_any_order(execution, operations))
    return Lived(result, comparable(execution, history), comparable(execution, operations))


def comparable(execution: EngineExecution, items: list[Any], *left_out: str) -> list[Any]:
    """JSON values without what differs from run to run; what was recorded as JSON is compared as such."""
    return [without(parsed(each, execution.id), *VARYING, *left_out) for each in items]


def in_any_order(execution: EngineExecution, items: list[Any]) -> list[Any]:
    return sorted(comparable(execution, items, *BY_TIMING), key=json.dumps)


def parsed(value: Any, execution_id: str) -> Any:
    if isinstance(value, dict):
        return {key: parsed(each, execution_id) for key, each in value.items() if each != execution_id}
    if isinstance(value, list):
        return [parsed(each, execution_id) for each in value]
    return json.loads(value) if isinstance(value, str) and value.startswith(("{", "[")) else value


def answer_callbacks(engine: Engine, execution: EngineExecution) -> None:
    """Answer each callback once the execution is suspended, until it has ended."""
    news = threading.Event()
    unwatch = execution.watch(news.set)
    while execution.status == "RUNNING":
        if execution.history()[-1].event_type == "InvocationCompleted":
            for operation in execution.operations():
                if operation.type == "CALLBACK" and operation.status == "STARTED" and operation.name in ANSWERS:
                    assert operation.callback_details is not None
                    engine.send_callback_success(operation.callback_details.callback_id, ANSWERS[operation.name])
        assert news.wait(10)
        news.clear()
    unwatch()


@functools.cache
def reference_life(twins: Twins) -> Lived:
    return lived(twins, Handler(twins.awaiting))


@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("twins", ALL, ids=str)
def test_histories_on_the_engine_are_the_same(twins: Twins, style: str, kind: str) -> None:
    seen = lived(twins, STYLES[style](getattr(twins, kind)))
    assert seen.result == reference_life(twins).result
    assert seen.history == reference_life(twins).history
    assert seen.operations == reference_life(twins).operations
