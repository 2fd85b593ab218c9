"""Workflows that are written twice: for an `async def` handler and for a `def`. Line by line they ask for the same.

Together they use every operation. Each is given its event and context, and runs alone, from its first invocation to its
last; `ANSWERS` are for the callbacks that they wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from durable_lambda import (
    Completion,
    DurableContext,
    InvokeError,
    Poll,
    Retry,
    StepInterruptedError,
    SyncDurableContext,
    current_step,
)

ANSWERS = {"approval": {"by": "alice"}, "ask create callback id": "yes"}
"""What is said to each callback, by its name. Nobody answers those that are named `never`."""

AFTER_AN_INTERRUPTION = Retry.fixed(1, retry_on=StepInterruptedError)
EVERY_5_SECONDS = Poll(initial_delay=5, backoff=1.0, jitter="none")


@dataclass
class Receipt:
    number: int
    words: list[str]


class OutOfStock(Exception):  # noqa: N818  # a user's error
    pass


class Twins(NamedTuple):
    name: str
    awaiting: Callable[..., Any]
    blocking: Callable[..., Any]

    def __str__(self) -> str:
        return self.name


def add(left: int, right: int) -> int:
    return left + right


def receipt(number: int) -> Receipt:
    return Receipt(number, ["paid", "é"])


def flaky() -> str:
    if current_step().attempt < 3:
        raise ConnectionError(f"attempt {current_step().attempt}")
    return "at last"


def fail(text: str) -> None:
    raise OutOfStock(text, {"left": 0})


def undo(result: int, left: int, right: int) -> None:
    assert result == left + right


def undo_in_vain(result: int, left: int, right: int) -> None:
    raise OutOfStock("cannot be undone")


def submit(callback_id: str, who: str) -> None:
    assert callback_id.startswith("cb-") or len(callback_id) > 20
    assert who == "bob"


def look(state: int) -> int:
    return state + 1


def is_enough(state: int) -> bool:
    return state >= 3


async def steps(event: Any, ctx: DurableContext) -> Any:
    total = await ctx.step("add", add, 1, 2)
    paid = await ctx.step("pay", receipt, total)
    here = await ctx.step("here", add, total, 1, inline=True)
    soon = await ctx.step("soon", add, here, 1, timeout=60)
    return [event, total, paid.words, here, soon, await ctx.step(None, add, soon, 1)]


def steps_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    total = ctx.step("add", add, 1, 2)
    paid = ctx.step("pay", receipt, total)
    here = ctx.step("here", add, total, 1, inline=True)
    soon = ctx.step("soon", add, here, 1, timeout=60)
    return [event, total, paid.words, here, soon, ctx.step(None, add, soon, 1)]


async def at_most_once(event: Any, ctx: DurableContext) -> Any:
    first = await ctx.step("before", add, 1, 1)
    once = await ctx.step("once", add, first, 1, at_most_once=True, retry=AFTER_AN_INTERRUPTION)
    return await ctx.step("after", add, once, 1)


def at_most_once_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    first = ctx.step("before", add, 1, 1)
    once = ctx.step("once", add, first, 1, at_most_once=True, retry=AFTER_AN_INTERRUPTION)
    return ctx.step("after", add, once, 1)


async def retries(event: Any, ctx: DurableContext) -> Any:
    done = await ctx.step("flaky", flaky, retry=Retry.fixed(1))
    try:
        await ctx.step("broken", fail, "none left", retry=0)
    except OutOfStock as error:
        return [done, *error.args]


def retries_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    done = ctx.step("flaky", flaky, retry=Retry.fixed(1))
    try:
        ctx.step("broken", fail, "none left", retry=0)
    except OutOfStock as error:
        return [done, *error.args]


async def fails(event: Any, ctx: DurableContext) -> Any:
    await ctx.step("broken", fail, "none left", retry=0)


def fails_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    ctx.step("broken", fail, "none left", retry=0)


async def waits(event: Any, ctx: DurableContext) -> Any:
    await ctx.wait("minute", 60)
    await ctx.wait("day", timedelta(days=1))
    await ctx.wait(None, 1)
    return await ctx.step("after", add, 1, 1)


def waits_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    ctx.wait("minute", 60)
    ctx.wait("day", timedelta(days=1))
    ctx.wait(None, 1)
    return ctx.step("after", add, 1, 1)


async def callbacks(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval", timeout=3600, heartbeat_timeout=600)
    await ctx.step("between", add, 1, 1)
    answer = await ctx.callback_result(approval, dict[str, str])
    asked = await ctx.wait_for_callback("ask", submit, "bob", retry=1, result_type=str)
    return [answer, asked, await ctx.callback_result(approval, raw=True)]


def callbacks_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    approval = ctx.create_callback("approval", timeout=3600, heartbeat_timeout=600)
    ctx.step("between", add, 1, 1)
    answer = ctx.callback_result(approval, dict[str, str])
    asked = ctx.wait_for_callback("ask", submit, "bob", retry=1, result_type=str)
    return [answer, asked, ctx.callback_result(approval, raw=True)]


async def conditions(event: Any, ctx: DurableContext) -> Any:
    return await ctx.wait_for_condition("look", look, initial_state=0, until=is_enough, poll=EVERY_5_SECONDS)


def conditions_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    return ctx.wait_for_condition("look", look, initial_state=0, until=is_enough, poll=EVERY_5_SECONDS)


async def children(event: Any, ctx: DurableContext) -> Any:
    async def inner(number: int, ctx: DurableContext) -> int:
        await ctx.wait("pause", 1)
        return await ctx.step("inner", add, number, 1)

    async def outer(number: int, ctx: DurableContext) -> int:
        first = await ctx.run_in_child_context("deeper", inner, number)
        return first + await ctx.step("outer", add, number, 2)

    async def broken(ctx: DurableContext) -> None:
        await ctx.step("before", add, 1, 1)
        raise OutOfStock("in a child")

    real = await ctx.run_in_child_context("real", outer, 1)
    virtual = await ctx.run_in_child_context("virtual", inner, 5, virtual=True)
    try:
        await ctx.run_in_child_context("broken", broken)
    except OutOfStock as error:
        return [real, virtual, *error.args]


def children_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    def inner(number: int, ctx: SyncDurableContext) -> int:
        ctx.wait("pause", 1)
        return ctx.step("inner", add, number, 1)

    def outer(number: int, ctx: SyncDurableContext) -> int:
        first = ctx.run_in_child_context("deeper", inner, number)
        return first + ctx.step("outer", add, number, 2)

    def broken(ctx: SyncDurableContext) -> None:
        ctx.step("before", add, 1, 1)
        raise OutOfStock("in a child")

    real = ctx.run_in_child_context("real", outer, 1)
    virtual = ctx.run_in_child_context("virtual", inner, 5, virtual=True)
    try:
        ctx.run_in_child_context("broken", broken)
    except OutOfStock as error:
        return [real, virtual, *error.args]


async def batches(event: Any, ctx: DurableContext) -> Any:
    async def branch(ctx: DurableContext) -> int:
        await ctx.wait("pause", 60)
        return await ctx.step("work", add, 1, 1)

    async def broken(ctx: DurableContext) -> int:
        raise OutOfStock("one of them")

    async def item(number: int, ctx: DurableContext) -> int:
        return await ctx.step("double", add, number, number)

    branches = {"good": branch, "bad": broken}
    parallel = await ctx.parallel("parallel", branches, max_concurrency=1, completion=Completion.all_completed())
    mapped = await ctx.map("map", [1, 2, 3], item, max_concurrency=1, item_name=lambda number, index: f"no {number}")
    flat = await ctx.map("flat", [4, 5], item, max_concurrency=1, nesting="flat")
    errors = [list(error.args) for error in parallel.errors()]
    return [str(parallel.completion_reason), errors, mapped.results(), flat.results()]


def batches_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    def branch(ctx: SyncDurableContext) -> int:
        ctx.wait("pause", 60)
        return ctx.step("work", add, 1, 1)

    def broken(ctx: SyncDurableContext) -> int:
        raise OutOfStock("one of them")

    def item(number: int, ctx: SyncDurableContext) -> int:
        return ctx.step("double", add, number, number)

    branches = {"good": branch, "bad": broken}
    parallel = ctx.parallel("parallel", branches, max_concurrency=1, completion=Completion.all_completed())
    mapped = ctx.map("map", [1, 2, 3], item, max_concurrency=1, item_name=lambda number, index: f"no {number}")
    flat = ctx.map("flat", [4, 5], item, max_concurrency=1, nesting="flat")
    errors = [list(error.args) for error in parallel.errors()]
    return [str(parallel.completion_reason), errors, mapped.results(), flat.results()]


async def side_by_side(event: Any, ctx: DurableContext) -> Any:
    async def branch(number: int, ctx: DurableContext) -> int:
        await ctx.wait(f"pause {number}", 60)
        inner = await ctx.map("inner", [number, 7], item)
        return sum(inner.results())

    async def item(number: int, ctx: DurableContext) -> int:
        return await ctx.step("double", add, number, number)

    return (await ctx.map("map", [1, 2, 3], branch, batch_size=2)).results()


def side_by_side_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    def branch(number: int, ctx: SyncDurableContext) -> int:
        ctx.wait(f"pause {number}", 60)
        inner = ctx.map("inner", [number, 7], item)
        return sum(inner.results())

    def item(number: int, ctx: SyncDurableContext) -> int:
        return ctx.step("double", add, number, number)

    return ctx.map("map", [1, 2, 3], branch, batch_size=2).results()


async def races(event: Any, ctx: DurableContext) -> Any:
    async def quick(ctx: DurableContext) -> str:
        return await ctx.step("quick", str, "done", result_type=str)

    async def slow(ctx: DurableContext) -> str:
        return await ctx.callback_result(await ctx.create_callback("never"), str)

    async def later(ctx: DurableContext) -> str:
        await ctx.wait("pause", 1)  # by then the other one has begun, whoever runs it
        return await quick(ctx)

    winner = await ctx.first("first", slow=slow, quick=later)
    in_time = await ctx.timeout("in time", 3600, quick)
    try:
        await ctx.timeout("late", 3600, slow)
    except TimeoutError:
        return [list(winner), in_time]


def races_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    def quick(ctx: SyncDurableContext) -> str:
        return ctx.step("quick", str, "done", result_type=str)

    def slow(ctx: SyncDurableContext) -> str:
        return ctx.callback_result(ctx.create_callback("never"), str)

    def later(ctx: SyncDurableContext) -> str:
        ctx.wait("pause", 1)
        return quick(ctx)

    winner = ctx.first("first", slow=slow, quick=later)
    in_time = ctx.timeout("in time", 3600, quick)
    try:
        ctx.timeout("late", 3600, slow)
    except TimeoutError:
        return [list(winner), in_time]


async def blocks(event: Any, ctx: DurableContext) -> Any:
    tries: list[int] = []

    async def block(ctx: DurableContext) -> str:
        tries.append(await ctx.step("number", add, len(tries), 1))
        if tries[-1] < 3:
            raise ConnectionError("not yet")
        return f"after {tries}"

    return await ctx.with_retry("block", block, retry=Retry.fixed(30))


def blocks_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    tries: list[int] = []

    def block(ctx: SyncDurableContext) -> str:
        tries.append(ctx.step("number", add, len(tries), 1))
        if tries[-1] < 3:
            raise ConnectionError("not yet")
        return f"after {tries}"

    return ctx.with_retry("block", block, retry=Retry.fixed(30))


async def sagas(event: Any, ctx: DurableContext) -> Any:
    try:
        async with ctx.saga("trip") as saga:
            await saga.step("flight", add, 1, 2, compensate=undo)
            await ctx.wait("pause", 1)
            await saga.step("hotel", add, 3, 4, compensate=undo_in_vain, compensation_retry=0)
            raise OutOfStock("no car")
    except Exception as error:
        failed = [type(error).__name__, type(error.__cause__).__name__]
    async with ctx.saga("again") as saga:
        await saga.step("flight again", add, 1, 2, compensate=undo)
        undone = await saga.run_compensations()
    return [failed, [item.step for item in undone.succeeded]]


def sagas_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    try:
        with ctx.saga("trip") as saga:
            saga.step("flight", add, 1, 2, compensate=undo)
            ctx.wait("pause", 1)
            saga.step("hotel", add, 3, 4, compensate=undo_in_vain, compensation_retry=0)
            raise OutOfStock("no car")
    except Exception as error:
        failed = [type(error).__name__, type(error.__cause__).__name__]
    with ctx.saga("again") as saga:
        saga.step("flight again", add, 1, 2, compensate=undo)
        undone = saga.run_compensations()
    return [failed, [item.step for item in undone.succeeded]]


async def batched(event: Any, ctx: DurableContext) -> Any:
    async with ctx.batch_checkpoints():
        first = await ctx.step("one", add, 1, 1)
        second = await ctx.step("two", add, first, 1)
        await ctx.flush()
        third = await ctx.step("three", add, second, 1)
        await ctx.wait("pause", 1)
    return [first, second, third, await ctx.step("four", add, third, 1)]


def batched_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    with ctx.batch_checkpoints():
        first = ctx.step("one", add, 1, 1)
        second = ctx.step("two", add, first, 1)
        ctx.flush()
        third = ctx.step("three", add, second, 1)
        ctx.wait("pause", 1)
    return [first, second, third, ctx.step("four", add, third, 1)]


async def values(event: Any, ctx: DurableContext) -> Any:
    before = await ctx.now()
    drawn = [str(ctx.uuid()), ctx.random().random(), ctx.patched("insure"), str(ctx.uuid())]
    logging.getLogger("orders").info("not of the execution")
    ctx.logger.info("drawn")
    await ctx.wait("pause", 60)
    return [await ctx.now() >= before, drawn, ctx.patched("insure"), ctx.execution_name, ctx.parent_id]


def values_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    before = ctx.now()
    drawn = [str(ctx.uuid()), ctx.random().random(), ctx.patched("insure"), str(ctx.uuid())]
    logging.getLogger("orders").info("not of the execution")
    ctx.logger.info("drawn")
    ctx.wait("pause", 60)
    return [ctx.now() >= before, drawn, ctx.patched("insure"), ctx.execution_name, ctx.parent_id]


async def invokes(event: Any, ctx: DurableContext) -> Any:
    doubled = await ctx.invoke("double", "double", 21, result_type=int)
    try:
        await ctx.invoke("unknown", "nobody", {"a": 1})
    except InvokeError as error:
        return [doubled, type(error).__name__, error.error_type]


def invokes_blocking(event: Any, ctx: SyncDurableContext) -> Any:
    doubled = ctx.invoke("double", "double", 21, result_type=int)
    try:
        ctx.invoke("unknown", "nobody", {"a": 1})
    except InvokeError as error:
        return [doubled, type(error).__name__, error.error_type]


ALL = [
    Twins(awaiting.__name__, awaiting, blocking)
    for awaiting, blocking in [
        (steps, steps_blocking),
        (at_most_once, at_most_once_blocking),
        (retries, retries_blocking),
        (fails, fails_blocking),
        (waits, waits_blocking),
        (callbacks, callbacks_blocking),
        (conditions, conditions_blocking),
        (children, children_blocking),
        (batches, batches_blocking),
        (side_by_side, side_by_side_blocking),
        (races, races_blocking),
        (blocks, blocks_blocking),
        (sagas, sagas_blocking),
        (batched, batched_blocking),
        (values, values_blocking),
        (invokes, invokes_blocking),
    ]
]
"""Every workflow. `invokes` needs an engine with a function `double`."""

BY_HAND = [twins for twins in ALL if twins.name != "invokes"]
"""Those that a test can be the service of."""
