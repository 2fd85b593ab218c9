"""`batch_checkpoints`: results flow on while their checkpoints travel together; a crash runs again and never loses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError, DurableContext
from prefixes import RememberingBackend, same_at_every_prefix
from recording import RecordingBackend

RUNS: list[str] = []
LONG = 30.0
"""Seconds after which a START goes before its outcome: a busy machine makes any body slow."""


@pytest.fixture(autouse=True)
def _no_runs() -> None:
    RUNS.clear()


async def work(name: str) -> str:
    RUNS.append(name)
    return name


async def three(ctx: DurableContext, prefix: str = "") -> list[str]:
    return [await ctx.step(f"{prefix}{name}", work, name) for name in "abc"]


def shapes(execution: Execution) -> list[list[str]]:
    """The calls of the last invocation: names and actions of their updates."""
    return [[f"{update.name} {update.action}" for update in call] for call in execution.calls]


def stored(*names: str) -> list[str]:
    return [f"{name} {action}" for name in names for action in ("START", "SUCCEED")]


def batching(code: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.batch_checkpoints():
            return await code(ctx)

    return handler


def test_steps_in_a_row_are_stored_in_one_call() -> None:
    execution = Execution(batching(three), start_delay=LONG)
    assert execution.result() == ["a", "b", "c"]
    assert shapes(execution) == [stored("a", "b", "c")]
    assert execution.result() == ["a", "b", "c"]
    assert execution.calls == []


def test_after_the_block_each_step_is_a_call_again() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.batch_checkpoints():
            await three(ctx)
        return await three(ctx, "after ")

    execution = Execution(handler)
    execution.result()
    assert shapes(execution)[0] == stored("a", "b", "c")
    assert len(execution.calls) == 4


def test_the_end_of_the_block_waits_until_everything_is_stored() -> None:
    backend = RecordingBackend()
    seen: list[int] = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.batch_checkpoints():
            await three(ctx)
            seen.append(len(backend.updates))
        seen.append(len(backend.updates))

    Execution(handler, backend=backend).result()
    assert seen == [0, 6]


def fails() -> None:
    raise ConnectionError


THEN = {
    "wait": lambda ctx: ctx.wait("then", 60),
    "create_callback": lambda ctx: ctx.create_callback("then"),
    "at most once": lambda ctx: ctx.step("then", str, at_most_once=True),
    "invoke": lambda ctx: ctx.invoke("then", "other", 1),
    "retry": lambda ctx: ctx.step("then", fails, retry=1),
}


@pytest.mark.parametrize("then", THEN.values(), ids=THEN)
def test_outcomes_are_stored_before_or_with_what_must_not_overtake_them(then: Any) -> None:
    async def code(ctx: DurableContext) -> Any:
        await three(ctx)
        await then(ctx)

    execution = Execution(batching(code), start_delay=LONG)
    execution.run()
    first = shapes(execution)[0]
    assert first[:6] == stored("a", "b", "c")
    assert first[6:] in ([], ["then START"], ["then START", "then RETRY"])


def test_an_at_most_once_body_runs_when_everything_before_it_is_stored() -> None:
    backend = RecordingBackend()

    async def code(ctx: DurableContext) -> Any:
        await three(ctx)
        return await ctx.step("once", lambda: [update.name for update in backend.updates], at_most_once=True)

    assert Execution(batching(code), backend=backend).result() == ["a", "a", "b", "b", "c", "c", "once"]


def test_a_suspension_by_an_operation_that_sends_nothing_stores_everything_first() -> None:
    async def code(ctx: DurableContext) -> Any:
        handle = await ctx.create_callback("approval")
        await three(ctx)
        return await ctx.callback_result(handle)

    execution = Execution(batching(code), start_delay=LONG)
    execution.suspends()
    assert shapes(execution) == [["approval START"], stored("a", "b", "c")]
    execution.answer("approval", "yes")
    assert execution.result() == "yes"
    assert RUNS == ["a", "b", "c"]


def test_an_exception_stores_everything() -> None:
    async def code(ctx: DurableContext) -> Any:
        await three(ctx)
        raise LookupError("no")

    execution = Execution(batching(code), start_delay=LONG)
    assert execution.error()["ErrorType"] == "LookupError"
    assert shapes(execution) == [stored("a", "b", "c")]


def test_a_failure_of_a_step_is_stored_with_the_others() -> None:
    async def code(ctx: DurableContext) -> Any:
        await three(ctx)
        try:
            await ctx.step("fails", fails, retry=0)
        except ConnectionError:
            return await ctx.step("instead", work, "instead")

    execution = Execution(batching(code), start_delay=LONG)
    assert execution.result() == "instead"
    assert shapes(execution) == [[*stored("a", "b", "c"), "fails START", "fails FAIL", *stored("instead")]]


def test_flush_stores_what_there_is_and_the_block_goes_on() -> None:
    async def code(ctx: DurableContext) -> Any:
        await three(ctx)
        await ctx.flush()
        await three(ctx, "later ")

    execution = Execution(batching(code), start_delay=LONG)
    execution.result()
    assert shapes(execution) == [stored("a", "b", "c"), stored("later a", "later b", "later c")]


def test_flush_with_nothing_to_store_sends_nothing() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        await ctx.flush()
        async with ctx.batch_checkpoints():
            await ctx.flush()

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []


def test_a_block_in_a_block_ends_with_the_outer_one() -> None:
    async def code(ctx: DurableContext) -> Any:
        await ctx.step("first", work, "first")
        async with ctx.batch_checkpoints():
            await three(ctx)
        await ctx.step("last", work, "last")

    execution = Execution(batching(code), start_delay=LONG)
    execution.result()
    assert shapes(execution) == [stored("first", "a", "b", "c", "last")]


def test_blocks_of_two_tasks_that_overlap_end_with_the_last_of_them() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        first_is_out = asyncio.Event()
        second_is_in = asyncio.Event()

        async def first() -> None:
            async with ctx.batch_checkpoints():
                await second_is_in.wait()
            first_is_out.set()

        async def second() -> None:
            async with ctx.batch_checkpoints():
                second_is_in.set()
                await first_is_out.wait()
                await three(ctx)

        await asyncio.gather(first(), second())
        await three(ctx, "after ")

    execution = Execution(handler)
    execution.result()
    assert shapes(execution)[0] == stored("a", "b", "c")
    assert len(execution.calls) == 4


def test_children_and_branches_in_a_block_lose_nothing() -> None:
    async def code(ctx: DurableContext) -> Any:
        await ctx.step("first", work, "first")
        inner = await ctx.run_in_child_context("child", three)
        batch = await ctx.map("map", [1, 2], lambda item, ctx: three(ctx, f"{item} "))
        return [inner, batch.results(), await ctx.step("last", work, "last")]

    execution = same_at_every_prefix(batching(code))
    assert execution.result() == [["a", "b", "c"], [["a", "b", "c"]] * 2, "last"]


@pytest.mark.parametrize("flushes", [True, False])
def test_work_beside_a_wait_goes_on_after_its_block_or_a_flush(flushes: bool) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def stores() -> None:
            async with ctx.batch_checkpoints():
                await three(ctx)
                if flushes:
                    await ctx.flush()
                    await ctx.step("in the block", work, "in the block")
            await ctx.step("after the block", work, "after the block")

        await asyncio.gather(ctx.wait("pause", 60), stores())

    Execution(handler).suspends()
    all_of_it = [*"abc", *["in the block"] * flushes, "after the block"]
    assert all_of_it == RUNS


def test_a_crash_runs_again_what_was_not_stored_and_nothing_else() -> None:
    class Breaks(RememberingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> Any:
            if len(self.states) == 1:
                self.states.append({})
                raise OSError("crash")
            return await super().checkpoint(*args, **options)

    async def code(ctx: DurableContext) -> Any:
        stored = await three(ctx)
        await ctx.flush()
        return stored + await three(ctx, "later ")

    execution = Execution(batching(code), backend=Breaks())
    with pytest.raises(BackendError):
        execution.run()
    RUNS.clear()
    assert execution.result() == ["a", "b", "c"] * 2
    assert RUNS == ["a", "b", "c"], "the later ones"


def test_a_block_is_the_same_at_every_prefix() -> None:
    async def code(ctx: DurableContext) -> Any:
        first = await three(ctx)
        await ctx.wait("pause", 60)
        second = await asyncio.gather(*(ctx.step(f"later {name}", work, name) for name in "xyz"))
        return first + second

    assert same_at_every_prefix(batching(code)).result() == list("abcxyz")


def test_very_many_outcomes_are_sent_before_they_fill_a_call() -> None:
    async def code(ctx: DurableContext) -> Any:
        for number in range(1000):
            await ctx.step(None, lambda number=number: number, inline=True)

    execution = Execution(batching(code), start_delay=LONG)
    execution.result()
    sizes = [len(call) for call in execution.calls]
    assert sum(sizes) == 2000
    assert max(sizes) <= 250
    assert len(sizes) <= 9


def test_updates_stay_in_order() -> None:
    async def code(ctx: DurableContext) -> Any:
        await ctx.run_in_child_context("child", lambda ctx: three(ctx, "in "))
        await asyncio.gather(three(ctx), ctx.wait("pause", 60))

    execution = Execution(batching(code), start_delay=0)
    execution.suspends()
    seen: dict[str, str] = {}
    for update in execution.backend.updates:
        assert update.action == "START" or seen.get(update.id) == "START"
        assert update.parent_id is None or seen.get(update.parent_id) == "START"
        seen[update.id] = update.action
