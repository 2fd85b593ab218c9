"""Operations at the same time: ids follow the code and not the timing, in whatever way asyncio combines them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from drive import Execution, after_turns
from durable_lambda import DurableContext, Operation
from durable_lambda.runtime.ids import operation_id

Code = Callable[[DurableContext, "Order"], Awaitable[Any]]


class Order:
    """Lets bodies finish in an order that the test chooses: each waits for those before it."""

    def __init__(self, *names: str) -> None:
        self._done = {name: asyncio.Event() for name in names}
        self._before = dict(zip(names[1:], names, strict=False))

    async def __call__(self, name: str) -> str:
        if name in self._before:
            await self._done[self._before[name]].wait()
        if name in self._done:
            after_turns(self._done[name].set, 3)
        return name


async def branch(ctx: DurableContext, order: Order, name: str) -> list[str]:
    """A coroutine of three operations."""
    return [await ctx.step(f"{name}{number}", order, f"{name}{number}") for number in (1, 2, 3)]


async def steps_in_gather(ctx: DurableContext, order: Order) -> Any:
    return await asyncio.gather(ctx.step("a1", order, "a1"), ctx.step("b1", order, "b1"))


async def coroutines_in_gather(ctx: DurableContext, order: Order) -> Any:
    return await asyncio.gather(branch(ctx, order, "a"), branch(ctx, order, "b"))


async def steps_in_task_group(ctx: DurableContext, order: Order) -> Any:
    async with asyncio.TaskGroup() as group:
        a = group.create_task(ctx.step("a1", order, "a1"))
        b = group.create_task(ctx.step("b1", order, "b1"))
    return [a.result(), b.result()]


async def coroutines_in_task_group(ctx: DurableContext, order: Order) -> Any:
    async with asyncio.TaskGroup() as group:
        a = group.create_task(branch(ctx, order, "a"))
        b = group.create_task(branch(ctx, order, "b"))
    return [a.result(), b.result()]


async def nested_tasks(ctx: DurableContext, order: Order) -> Any:
    async def outer(name: str) -> Any:
        first = await ctx.step(f"{name}0", order, f"{name}0")
        return [first, await asyncio.gather(branch(ctx, order, f"{name}x"), branch(ctx, order, f"{name}y"))]

    return await asyncio.gather(outer("a"), outer("b"))


async def child_contexts_in_gather(ctx: DurableContext, order: Order) -> Any:
    async def child(name: str, ctx: DurableContext) -> list[str]:
        return await branch(ctx, order, name)

    return await asyncio.gather(
        ctx.run_in_child_context("child-a", child, "a"), ctx.run_in_child_context("child-b", child, "b")
    )


async def operations_and_code_between(ctx: DurableContext, order: Order) -> Any:
    before = await ctx.step("before", str)
    both = await asyncio.gather(branch(ctx, order, "a"), ctx.step("b1", order, "b1"))
    return [before, both, await ctx.step("after", str)]


async def started_now_and_awaited_later(ctx: DurableContext, order: Order) -> Any:
    a = ctx.step("a1", order, "a1")
    b = ctx.step("b1", order, "b1")
    between = await ctx.step("between", str)
    return [between, await b, await a]


SHAPES = [
    steps_in_gather,
    coroutines_in_gather,
    steps_in_task_group,
    coroutines_in_task_group,
    nested_tasks,
    child_contexts_in_gather,
    operations_and_code_between,
    started_now_and_awaited_later,
]
ORDERS = [("a1", "b1"), ("b1", "a1"), ("a3", "b1"), ("b3", "a1"), ("bx3", "ax1"), ("ay3", "ax1"), ("b0", "a0")]


def ordered(shape: Code, order: tuple[str, ...]) -> Callable[..., Any]:
    """A handler of this shape, in which the bodies end in this order."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await shape(ctx, Order(*order))

    return handler


def test_every_shape_can_be_ordered_in_two_ways() -> None:
    assert all(len(orders_of(shape)) >= 2 for shape in SHAPES)


@functools.cache
def orders_of(shape: Code) -> list[tuple[str, ...]]:
    """The orders whose names this shape has."""
    execution = Execution(ordered(shape, ()))
    execution.result()
    return [order for order in ORDERS if all(name in execution.ids for name in order)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_ids_do_not_depend_on_who_was_first(shape: Code) -> None:
    seen = []
    for order in orders_of(shape):
        execution = Execution(ordered(shape, order))
        execution.result()
        seen.append(execution.ids)
    assert all(ids == seen[0] for ids in seen)
    assert len(set(seen[0].values())) == len(seen[0])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("gone", ["a1", "b1", "bx1", "ax2"])
def test_results_go_where_they_belong_when_a_replay_has_another_timing(shape: Code, gone: str) -> None:
    """A crash loses one result; on replay everything else is there at once, so the timing is another one."""
    execution = Execution(ordered(shape, ("a1", "b1")))
    result = execution.result()
    if gone in execution.ids:
        del execution.backend.operations[execution.ids[gone]]
    ids = {id_ for name, id_ in execution.ids.items() if (name or "").startswith("child")}
    for id_ in ids:  # as if the crash had come before the child contexts were done
        execution.backend.operations[id_] = _unfinished(execution.backend.operations[id_])
    assert execution.result(ordered(shape, ())) == result


def _unfinished(operation: Any) -> Any:
    return msgspec.structs.replace(operation, status="STARTED", context_details=None)


def test_tasks_that_suspend_in_turn_end_with_their_own_results() -> None:
    async def branch(ctx: DurableContext, name: str, seconds: int) -> list[Any]:
        first = await ctx.step(f"{name}1", str, f"{name}1")
        await ctx.wait(f"{name}-pause", seconds)
        return [first, await ctx.step(f"{name}2", str, f"{name}2")]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await asyncio.gather(branch(ctx, "a", 10), branch(ctx, "b", 20))

    for first, second in (("a-pause", "b-pause"), ("b-pause", "a-pause")):
        execution = Execution(handler)
        execution.suspends()
        execution.change(first, status="SUCCEEDED")
        execution.suspends()
        execution.change(second, status="SUCCEEDED")
        assert execution.result() == [["a1", "a2"], ["b1", "b2"]]


def test_the_positions_of_tasks_are_numbered_by_their_creation() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        async def one(name: str) -> None:
            await ctx.step(name, str)

        await ctx.step("before", str)
        await asyncio.gather(one("first"), one("second"))
        await ctx.step("after", str)

    execution = Execution(handler)
    execution.result()
    positions = {"before": "1", "first": "t1-1", "second": "t2-1", "after": "2"}
    assert execution.ids == {name: operation_id(position) for name, position in positions.items()}


def test_an_operation_may_be_awaited_twice_and_by_several() -> None:
    runs = []

    async def handler(event: Any, ctx: DurableContext) -> list[int]:
        operation = ctx.step("count", lambda: runs.append(1) or len(runs))
        both = await asyncio.gather(operation, operation)
        return [*both, await operation]

    execution = Execution(handler)
    assert execution.result() == [1, 1, 1]
    assert execution.result() == [1, 1, 1]
    assert runs == [1]


def test_a_failed_operation_raises_as_often_as_it_is_awaited() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> int:
        operation = ctx.step("fail", fail, retry=0)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await operation
        return 3

    execution = Execution(handler)
    assert execution.result() == 3
    assert execution.result() == 3


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda operation: asyncio.wait_for(operation, 10),
        lambda operation: asyncio.shield(asyncio.ensure_future(operation)),
        asyncio.create_task,
        asyncio.ensure_future,
    ],
    ids=["wait_for", "shield", "create_task", "ensure_future"],
)
def test_a_task_around_one_operation_shifts_no_ids(wrapped: Any) -> None:
    async def one(ctx: DurableContext) -> None:
        await ctx.step("in a task", str)

    async def plain(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)
        await asyncio.gather(one(ctx))
        await ctx.step("after", str)

    async def in_task(event: Any, ctx: DurableContext) -> None:
        await wrapped(ctx.step("work", str))
        await asyncio.gather(one(ctx))
        await ctx.step("after", str)

    expected, execution = Execution(plain), Execution(in_task)
    expected.result()
    execution.result()
    assert execution.ids == expected.ids
    assert execution.result() is None
    assert execution.sent == []


def test_tasks_that_a_body_creates_shift_no_ids() -> None:
    async def body() -> int:
        return sum(await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3))))

    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def other() -> Any:
            return await ctx.step("in a task", str)

        await ctx.step("body", body)
        await asyncio.gather(other())

    execution = Execution(handler)
    execution.result()
    assert execution.ids["in a task"] == operation_id("t1-1")


def test_an_operation_is_a_coroutine_and_done_when_it_is_known() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[bool]:
        operation = ctx.step("work", str)
        assert isinstance(operation, Operation)
        assert asyncio.iscoroutine(operation)
        before = operation.done()
        await operation
        return [before, operation.done()]

    execution = Execution(handler)
    assert execution.result() == [False, True]
    assert execution.result() == [True, True]


def test_one_branch_that_fails_cancels_the_others_of_a_task_group_and_is_told() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step("fail", fail, retry=0))
                group.create_task(ctx.wait("pause", 60))
        except ExceptionGroup as errors:
            return [repr(each) for each in errors.exceptions]
        return []

    execution = Execution(handler)
    assert execution.result() == ["ValueError('no')"]
    assert execution.result() == ["ValueError('no')"]
    assert execution.sent == []
