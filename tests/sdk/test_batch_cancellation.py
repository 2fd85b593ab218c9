"""What user code cancels of the newer operations, and in branches: recorded, and cancelled again on replay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext, Poll, Retry

ALL = Completion.all_completed()


async def forever() -> None:
    await asyncio.Event().wait()


async def hangs(ctx: DurableContext) -> str:
    await ctx.step("before", str)
    await ctx.step("hang", forever)
    return await ctx.step("never", str)


async def waits(ctx: DurableContext) -> str:
    await ctx.wait("hang", 3600)
    return await ctx.step("never", str)


async def submit(callback_id: str) -> None: ...


async def look_forever(state: int) -> int:
    await forever()
    return state


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def fails() -> None:
    raise LookupError("no")


OPERATIONS: dict[str, Callable[[DurableContext], Any]] = {
    "parallel": lambda ctx: ctx.parallel("cancelled", [hangs, waits]),
    "flat parallel": lambda ctx: ctx.parallel("cancelled", [hangs, waits], nesting="flat"),
    "map": lambda ctx: ctx.map("cancelled", [1, 2], lambda item, ctx: waits(ctx), max_concurrency=1),
    "first": lambda ctx: ctx.first("cancelled", a=hangs, b=waits),
    "timeout": lambda ctx: ctx.timeout("cancelled", 3600, hangs),
    "with_retry": lambda ctx: ctx.with_retry("cancelled", hangs, retry=Retry.fixed(1)),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback("cancelled", submit),
    "wait_for_condition": lambda ctx: ctx.wait_for_condition("cancelled", look_forever, initial_state=0, until=bool),
}


async def then_waits(ctx: DurableContext) -> str:
    """What comes after the cancellation, in an invocation of its own."""
    await ctx.wait("pause", 60)
    return await ctx.step("after", lambda: "done")


def runs_alike(code: Any) -> Execution:
    """Runs to a wait, replays to it, and on to the end."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    execution = Execution(handler, start_delay=0)
    execution.suspends()
    execution.suspends()
    assert execution.sent == [], "a replay records nothing again"
    execution.elapse()
    assert execution.result() == "done"
    assert execution.result() == "done"
    assert execution.sent == []
    assert "never" not in [operation.name for operation in execution.backend.operations.values()]
    return execution


def cancelling(call: Callable[[DurableContext], Any]) -> Any:
    async def code(ctx: DurableContext) -> str:
        async def awaits() -> None:
            await call(ctx)

        task = asyncio.ensure_future(awaits())
        await ctx.step("meanwhile", turns)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return await then_waits(ctx)

    return code


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_that_is_cancelled_is_recorded_and_cancelled_again(call: Callable[[DurableContext], Any]) -> None:
    execution = runs_alike(cancelling(call))
    cancelled = next(op for op in execution.backend.operations.values() if op.name == "cancelled")
    details = cancelled.context_details or cancelled.step_details
    assert cancelled.status == "FAILED"
    assert details is not None
    assert details.error is not None
    assert details.error.error_type == "asyncio.CancelledError"


@pytest.mark.parametrize("nesting", ["nested", "flat"])
@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_that_is_cancelled_in_a_branch_is_cancelled_again(
    call: Callable[[DurableContext], Any], nesting: Any
) -> None:
    async def code(ctx: DurableContext) -> str:
        return (await ctx.parallel("around", [cancelling(call)], nesting=nesting)).results()[0]

    runs_alike(code)


def test_a_condition_that_is_cancelled_between_two_checks_is_not_checked_again() -> None:
    """The service closes no operation that waits for its next attempt, so nothing can be recorded."""
    checks: list[int] = []

    async def check(state: int) -> int:
        checks.append(state)
        return state + 1

    def watch(ctx: DurableContext) -> Any:
        return ctx.wait_for_condition("cancelled", check, initial_state=0, until=lambda state: False, poll=Poll())

    runs_alike(cancelling(watch))
    assert checks == [0]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_task_group_in_a_branch_that_one_of_its_tasks_ends_is_the_same_on_replay(order: list[int]) -> None:
    async def branch(ctx: DurableContext) -> str:
        async def failing() -> None:
            await ctx.step("fails", fails, retry=0)

        tasks = [failing, lambda: hangs(ctx)]
        told: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                for index in order:
                    group.create_task(tasks[index]())
        except ExceptionGroup as errors:
            told = [repr(error) for error in errors.exceptions]
        assert told == ["LookupError('no')"]
        return await then_waits(ctx)

    async def code(ctx: DurableContext) -> str:
        return (await ctx.parallel("around", [branch])).results()[0]

    runs_alike(code)


def test_a_batch_in_a_task_group_that_fails_is_cut_off() -> None:
    async def code(ctx: DurableContext) -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.parallel("cancelled", [hangs, waits]))
                await ctx.step("begun", turns)
                await ctx.step("fails", fails, retry=0)
        except ExceptionGroup:
            return await then_waits(ctx)
        return "not reached"

    runs_alike(code)


def test_a_failed_branch_beside_one_that_was_cancelled_by_its_own_code() -> None:
    async def cancels_itself(ctx: DurableContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await ctx.step("never", str)

    async def code(ctx: DurableContext) -> str:
        async def failing(ctx: DurableContext) -> None:
            raise LookupError("no")

        batch = await ctx.parallel("batch", [failing, cancels_itself], completion=ALL)
        assert [type(item.error).__name__ for item in batch] == ["LookupError", "CancelledError"]
        return await then_waits(ctx)

    runs_alike(code)


def test_a_saga_whose_block_is_cancelled_with_its_task_tells_nothing_of_success() -> None:
    """Its steps are recorded; the task is cancelled at the same place again."""

    async def saga_code(ctx: DurableContext) -> None:
        async with ctx.saga() as saga:
            await saga.step("flight", str, compensate=lambda result: None)
            await ctx.wait("hang", 3600)
            await ctx.step("never", str)

    runs_alike(cancelling(saga_code))
