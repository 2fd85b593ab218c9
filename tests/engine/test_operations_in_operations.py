"""Operations within operations, on an engine: it checks every update by its parent, its name and its state, so what an
SDK keeps wrong books of ends here. Each of these shapes has failed on the service with some SDK.

That a new child of a replayed parent logs is in `tests/sdk/test_logging.py`. The same shapes at every point where a
process may end are in `tests/sdk/test_batch_replay.py`, `test_saga.py` and `test_batched_checkpoints.py`, and beside
the official SDK in `tests/compatibility/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from durable_lambda import Completion, DurableContext, Retry, current_step, durable_execution
from durable_lambda.engine import Engine, Execution, SkippingClock
from durable_lambda.runtime.ids import operation_id

RUNS: list[str] = []


@pytest.fixture
def start() -> Iterator[Callable[..., Execution]]:
    """`start(fn, event)` on an engine whose clock jumps over waits."""
    RUNS.clear()
    with Engine(clock=SkippingClock()) as engine:

        def start(fn: Callable[..., Any], event: Any = None) -> Execution:
            engine.register(durable_execution(fn), name="fn")
            return engine.start("fn", event)

        yield start


async def run(name: str) -> str:
    RUNS.append(name)
    return name


def tree(execution: Execution) -> dict[str | None, list[str | None]]:
    """The names of the operations by the name of the one that they are in."""
    operations = {operation.id: operation for operation in execution.operations() if operation.type != "EXECUTION"}
    found: dict[str | None, list[str | None]] = {}
    for operation in operations.values():
        parent = operations[operation.parent_id].name if operation.parent_id is not None else None
        found.setdefault(parent, []).append(operation.name)
    return found


def invocations(execution: Execution) -> int:
    return sum(event.event_type == "InvocationCompleted" for event in execution.history())


def test_a_child_context_with_a_step_in_it(start: Callable[..., Execution]) -> None:
    async def child(ctx: DurableContext) -> str:
        return await ctx.step("inside", run, "inside")

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return [await ctx.run_in_child_context("child", child), await ctx.step("outside", run, "outside")]

    execution = start(handler)
    assert execution.result(timeout=10) == ["inside", "outside"]
    assert tree(execution) == {None: ["child", "outside"], "child": ["inside"]}


def test_parallel_with_one_branch(start: Callable[..., Execution]) -> None:
    async def branch(ctx: DurableContext) -> str:
        await ctx.wait("pause", 60)
        return await ctx.step("only", run, "only")

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return (await ctx.parallel("batch", [branch])).results()

    execution = start(handler)
    assert execution.result(timeout=10) == ["only"]
    assert tree(execution) == {
        None: ["batch"],
        "batch": ["parallel-branch-0"],
        "parallel-branch-0": ["pause", "only"],
    }


@pytest.mark.parametrize("nesting", ["nested", "flat"])
def test_a_wait_a_callback_and_a_step_retry_inside_branches(nesting: Any) -> None:
    RUNS.clear()
    with Engine(clock=SkippingClock()) as engine:

        async def waits(ctx: DurableContext) -> str:
            await ctx.wait("pause", 3600)
            return await ctx.step("waited", run, "waited")

        async def asks(ctx: DurableContext) -> str:
            callback = await ctx.create_callback("approval")
            await ctx.step("ask", engine.asend_callback_success, callback.callback_id, "yes")
            return await ctx.callback_result(callback, str)

        async def retries(ctx: DurableContext) -> str:
            async def second_time() -> str:
                if current_step().attempt == 1:
                    raise ConnectionError
                return await run("tried again")

            return await ctx.step("flaky", second_time, retry=Retry.fixed(5))

        @durable_execution
        async def handler(event: Any, ctx: DurableContext) -> list[str]:
            batch = await ctx.parallel("batch", [waits, asks, retries], nesting=nesting)
            return batch.results()

        engine.register(handler)
        execution = engine.start("handler")
        assert execution.result(timeout=10) == ["waited", "yes", "tried again"]
        assert sorted(RUNS) == ["tried again", "waited"]
        assert all(operation.status == "SUCCEEDED" for operation in execution.operations()[1:])


def test_a_wait_inside_a_child_after_a_resume(start: Callable[..., Execution]) -> None:
    async def child(ctx: DurableContext) -> str:
        first = await ctx.step("before", run, "before")
        await ctx.wait("pause inside", 60)
        return first + await ctx.step("after", run, "after")

    async def handler(event: Any, ctx: DurableContext) -> str:
        await ctx.wait("pause outside", 60)
        return await ctx.run_in_child_context("child", child)

    execution = start(handler)
    assert execution.result(timeout=10) == "beforeafter"
    assert RUNS == ["before", "after"]
    assert invocations(execution) == 3


def test_batched_checkpoints_followed_by_a_wait_run_each_step_once(start: Callable[..., Execution]) -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        async with ctx.batch_checkpoints():
            results = [await ctx.step(name, run, name) for name in ("a", "b", "c")]
        await ctx.wait("pause", 60)
        return [*results, await ctx.step("d", run, "d")]

    assert start(handler).result(timeout=10) == ["a", "b", "c", "d"]
    assert RUNS == ["a", "b", "c", "d"]


def test_a_crash_in_the_middle_of_compensations_goes_on_with_those_that_are_left(
    start: Callable[..., Execution],
) -> None:
    async def undo(booked: str, name: str) -> None:
        await run(f"undo {name}")
        if name == "hotel" and RUNS.count("undo hotel") == 1:
            raise SystemExit

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            async with ctx.saga() as saga:
                for name in ("flight", "hotel", "car"):
                    await saga.step(name, run, name, compensate=undo)
                raise LookupError("no guide")
        except LookupError as error:
            return str(error)

    execution = start(handler)
    assert execution.result(timeout=10) == "no guide"
    assert RUNS == ["flight", "hotel", "car", "undo car", "undo hotel", "undo hotel", "undo flight"]


@pytest.mark.parametrize("nesting", ["nested", "flat"])
def test_branches_are_numbered_by_their_index_from_0(nesting: Any, start: Callable[..., Execution]) -> None:
    async def item(name: str, ctx: DurableContext) -> str:
        return await ctx.step(name, run, name)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.map("batch", ["a", "b"], item, nesting=nesting)

    execution = start(handler)
    execution.wait(timeout=10)
    ids = {operation.name: operation.id for operation in execution.operations()}
    branches = [operation_id(f"{ids['batch']}-{index}") for index in range(2)]
    assert [ids["a"], ids["b"]] == [operation_id(f"{branch}-1") for branch in branches]
    if nesting == "nested":
        assert [ids["map-item-0"], ids["map-item-1"]] == branches


def test_a_branch_that_blows_up_beside_healthy_ones(start: Callable[..., Execution]) -> None:
    async def healthy(ctx: DurableContext) -> str:
        await ctx.wait("pause", 60)
        return await ctx.step("healthy", run, "healthy")

    async def blows_up(ctx: DurableContext) -> str:
        return [""][len(RUNS) + 1]

    async def handler(event: Any, ctx: DurableContext) -> list[Any]:
        batch = await ctx.parallel("batch", [healthy, blows_up, healthy], completion=Completion.all_completed())
        return [[item.status, item.result, repr(item.error)] for item in batch]

    assert start(handler).result(timeout=10) == [
        ["SUCCEEDED", "healthy", "None"],
        ["FAILED", None, "IndexError('list index out of range')"],
        ["SUCCEEDED", "healthy", "None"],
    ]
    assert RUNS == ["healthy", "healthy"]


def test_five_levels_of_nesting(start: Callable[..., Execution]) -> None:
    async def level(number: int, ctx: DurableContext) -> list[str]:
        own = await ctx.step(f"step {number}", run, str(number))
        await ctx.wait(f"wait {number}", 60)
        if number == 5:
            return [own]
        return [own, *await ctx.run_in_child_context(f"level {number + 1}", level, number + 1)]

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return await level(0, ctx)

    execution = start(handler)
    assert execution.result(timeout=10) == ["0", "1", "2", "3", "4", "5"]
    assert RUNS == ["0", "1", "2", "3", "4", "5"]
    assert tree(execution)["level 5"] == ["step 5", "wait 5"]


def test_parallel_in_a_child_in_parallel(start: Callable[..., Execution]) -> None:
    async def leaf(ctx: DurableContext) -> str:
        await ctx.wait("pause", 60)
        return await ctx.step("leaf", run, "leaf")

    async def child(ctx: DurableContext) -> list[str]:
        return (await ctx.parallel("inner", {"left": leaf, "right": leaf})).results()

    async def branch(ctx: DurableContext) -> list[str]:
        return await ctx.run_in_child_context("child", child)

    async def handler(event: Any, ctx: DurableContext) -> list[list[str]]:
        return (await ctx.parallel("outer", {"one": branch, "other": branch})).results()

    execution = start(handler)
    assert execution.result(timeout=10) == [["leaf", "leaf"], ["leaf", "leaf"]]
    assert RUNS == ["leaf"] * 4
    assert len({operation.id for operation in execution.operations()}) == 1 + 1 + 2 * (1 + 1 + 1 + 2 * (1 + 2))


def test_a_hundred_replays_come_to_one_outcome(start: Callable[..., Execution]) -> None:
    outcomes: list[Any] = []

    async def item(number: int, ctx: DurableContext) -> dict[str, Any]:
        if number == 2:
            raise LookupError("two")
        return {"number": number, "step": await ctx.step("step", run, f"item {number}")}

    async def child(ctx: DurableContext) -> float:
        return ctx.random().random()

    async def handler(event: Any, ctx: DurableContext) -> int:
        batch = await ctx.map("batch", [1, 2, 3], item, completion=Completion.all_completed())
        outcomes.append(
            [
                [[each.status, each.result, repr(each.error)] for each in batch],
                await ctx.run_in_child_context("child", child),
                await ctx.now(),
                ctx.uuid(),
            ]
        )
        for _ in range(100):
            await ctx.wait(None, 1)
        return len(outcomes)

    execution = start(handler)
    assert execution.result(timeout=30) == 101
    assert invocations(execution) == 101
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert RUNS == ["item 1", "item 3"]
