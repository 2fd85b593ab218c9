"""An early decision: what it does to branches that are done at the same time, that wait, and that are around it."""

from __future__ import annotations

import asyncio
from typing import Any

from drive import Execution
from durable_lambda import Completion, DurableContext

FIRST = Completion.first_successful()


async def wins(ctx: DurableContext) -> str:
    await ctx.step("win", asyncio.sleep, 0)
    return "won"


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def in_a_wait(ctx: DurableContext) -> str:
    await ctx.wait("lose", 3600)
    return await ctx.step("never", str)


async def in_a_body(ctx: DurableContext) -> str:
    await ctx.step("lose", asyncio.Event().wait)
    return await ctx.step("never", str)


def test_a_loser_may_have_lost_in_the_moment_when_it_was_done_too() -> None:
    """Two branches that are done in one turn of the loop: the history tells the same as the result."""

    async def at_once(ctx: DurableContext) -> str:
        return "at once"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("race", [at_once, at_once, at_once], completion=FIRST)
        return [item.status for item in batch]

    execution = Execution(handler)
    statuses = execution.result()
    assert statuses.count("SUCCEEDED") >= 1
    for index, status in enumerate(statuses):
        recorded = execution.backend.operations.get(execution.ids.get(f"parallel-branch-{index}", ""))
        if status == "SUCCEEDED":
            assert recorded is not None
            assert recorded.status == "SUCCEEDED"
    assert execution.result() == statuses


def test_a_failure_that_decides_cancels_the_rest() -> None:
    async def fails(ctx: DurableContext) -> None:
        await ctx.step("prepare", str)
        raise LookupError("no")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.map("race", [in_a_wait, fails, in_a_body], lambda branch, ctx: branch(ctx))
        await ctx.step("afterwards", turns)
        return [item.status for item in batch]

    execution = Execution(handler)
    assert execution.result() == ["STARTED", "FAILED", "STARTED"]
    after = execution.sent[execution.sent.index(("CONTEXT", "race", "SUCCEED")) + 1 :]
    assert [name for _, name, _ in after] == ["afterwards", "afterwards"]
    assert execution.result() == ["STARTED", "FAILED", "STARTED"]


def test_the_branches_that_won_do_not_suffer_from_the_decision() -> None:
    """Branches that share objects with the losers, and contexts around the batch, still work."""

    async def outer(ctx: DurableContext) -> str:
        batch = await ctx.parallel("race", {"loser": in_a_wait, "winner": wins}, completion=FIRST)
        await ctx.wait("pause", 60)
        return batch.results()[0] + await ctx.step("in the same context", lambda: "!")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("outer", [outer])).results()

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    assert execution.result() == ["won!"]
