"""Results over 256 KiB of the newer operations: not stored, and the same on replay, from the operations below."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Retry
from prefixes import as_the_service_tells_it, same_at_every_prefix, to_the_end

KIB = 1024
RUNS: list[str] = []


@pytest.fixture(autouse=True)
def _no_runs() -> None:
    RUNS.clear()


def body(text: str) -> str:
    RUNS.append(text)
    return text * 150 * KIB


async def large(ctx: DurableContext) -> str:
    first = await ctx.step("first half", body, "x")
    await ctx.wait("between", 60)
    return first + await ctx.step("second half", body, "y")


async def hangs(ctx: DurableContext) -> str:
    await ctx.wait("hang", 10**6)
    return "hung"


def then(operation: Any) -> Any:
    """The operation, a wait, and what there is of the result then."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        result = await operation(ctx)
        await ctx.wait("pause", 60)
        return result

    return handler


async def of_first(ctx: DurableContext) -> Any:
    name, text = await ctx.first("op", slow=hangs, large=large)
    return [name, len(text)]


async def of_timeout(ctx: DurableContext) -> Any:
    return len(await ctx.timeout("op", 10**6, large))


async def of_nested_batches(ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> list[str]:
        return (await ctx.parallel("inner", [large, large])).results()

    return [[len(text) for text in texts] for texts in (await ctx.parallel("op", [inner, inner])).results()]


async def of_flat_batches(ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> list[str]:
        return (await ctx.parallel("inner", [large, large], nesting="flat")).results()

    batch = await ctx.parallel("op", [inner, inner], nesting="flat")
    return [[len(text) for text in texts] for texts in batch.results()]


async def of_a_batch_in_checkpoints_that_travel_together(ctx: DurableContext) -> Any:
    async with ctx.batch_checkpoints():
        batch = await ctx.map("op", [large, large], lambda fn, ctx: fn(ctx))
        return [len(text) for text in batch.results()]


def only_the_first(execution: Execution) -> None:
    """Time passes, but not as long as the losers need."""
    for operation in list(execution.backend.operations.values()):
        if operation.type == "WAIT" and operation.status == "STARTED" and operation.name not in ("hang", "timeout"):
            execution.change_by_id(operation, status="SUCCEEDED")


@pytest.mark.parametrize(
    ("operation", "result"), [(of_first, ["large", 300 * KIB]), (of_timeout, 300 * KIB)], ids=["first", "timeout"]
)
def test_a_race_with_a_large_result_is_the_same_on_replay(operation: Any, result: Any) -> None:
    execution = Execution(then(operation))
    for _ in range(2):
        execution.suspends()
        only_the_first(execution)
    assert execution.result() == result
    execution.backend.operations = as_the_service_tells_it(execution.backend.operations)
    assert execution.result() == result
    assert execution.sent == []
    assert RUNS == ["x", "y"]


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        (of_nested_batches, [[300 * KIB] * 2] * 2),
        (of_flat_batches, [[300 * KIB] * 2] * 2),
        (of_a_batch_in_checkpoints_that_travel_together, [300 * KIB] * 2),
    ],
    ids=["nested", "flat", "batching"],
)
def test_a_batch_with_large_results_is_the_same_at_every_prefix(operation: Any, result: Any) -> None:
    assert same_at_every_prefix(then(operation)).result() == result


def test_a_retried_block_with_a_large_result_is_the_same_on_replay() -> None:
    async def block(ctx: DurableContext) -> str:
        if await ctx.step("is first", lambda: not RUNS):
            RUNS.append("failed")
            raise ConnectionError
        return await large(ctx)

    async def operation(ctx: DurableContext) -> Any:
        return len(await ctx.with_retry("op", block, retry=Retry.fixed(1)))

    execution = Execution(then(operation))
    assert to_the_end(execution)["Result"] == 300 * KIB
    execution.backend.operations = as_the_service_tells_it(execution.backend.operations)
    assert execution.result() == 300 * KIB
    assert execution.sent == []


def test_a_large_answer_of_a_callback_is_the_same_at_every_prefix() -> None:
    async def operation(ctx: DurableContext) -> Any:
        return len(await ctx.wait_for_callback("op", lambda callback_id: None))

    answers = {"op create callback id": "x" * 300 * KIB}
    assert same_at_every_prefix(then(operation), answers).result() == 300 * KIB
