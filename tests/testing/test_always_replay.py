"""`always_replay`: what happens between two operations happens again and again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from durable_lambda import Completion, DurableContext, Retry, durable_execution
from durable_lambda.testing import DurableTestRunner

ran: Counter[str] = Counter()


async def body(name: str) -> str:
    ran[name] += 1
    return name


def body_on_a_thread(name: str) -> str:
    ran[name] += 1
    return name


async def branch(name: str, ctx: DurableContext) -> str:
    await ctx.step(f"{name} first", body, f"{name} first")
    return await ctx.step(f"{name} second", body, f"{name} second")


async def flaky() -> int:
    ran["flaky"] += 1
    if ran["flaky"] < 3:
        raise OSError("no")
    return ran["flaky"]


@durable_execution
async def everything(event: None, ctx: DurableContext) -> list[object]:
    ran["handler"] += 1
    first = await ctx.step("first", body, "first")
    await ctx.step("on a thread", body_on_a_thread, "on a thread")  # alone: nothing orders threads side by side
    both = await asyncio.gather(branch("left", ctx), branch("right", ctx))
    mapped = await ctx.map("map", ["a", "b", "c"], branch, max_concurrency=2)
    handle = await ctx.create_callback("approval")
    await ctx.wait("pause", 60)
    retried = await ctx.step("flaky", flaky, retry=Retry.fixed(5))
    winner = await ctx.first("race", quick=lambda c: branch("quick", c), slow=lambda c: c.wait("slow", 3600))
    answer = await ctx.callback_result(handle, int)
    async with ctx.saga() as saga:
        await saga.step("booked", body, "booked", compensate=lambda *_: None)
    async with ctx.batch_checkpoints():
        for number in range(3):
            await ctx.step(f"batched {number}", body, f"batched {number}")
    child = await ctx.run_in_child_context("child", lambda c: branch("child", c), virtual=True)
    tolerant = await ctx.parallel(
        "some", {"good": lambda c: branch("good", c), "bad": fails}, completion=Completion.all_completed()
    )
    return [first, both, mapped.results(), retried, winner[0], answer, child, tolerant.failure_count]


async def fails(ctx: DurableContext) -> None:
    raise ValueError("bad")


def run(*, always_replay: bool):
    ran.clear()
    run = DurableTestRunner(everything, always_replay=always_replay).start()
    run.send_callback_success("approval", 7)
    return run.run(), Counter(ran)


def test_a_deterministic_function_ends_the_same_and_runs_no_body_more_often() -> None:
    plain, plain_ran = run(always_replay=False)
    replayed, replayed_ran = run(always_replay=True)

    assert replayed.result == plain.result
    assert [event.event_type for event in replayed.history] == [event.event_type for event in plain.history]
    assert replayed.now == plain.now
    assert replayed_ran.pop("handler") > 20 > plain_ran.pop("handler")
    assert replayed_ran == plain_ran
    assert {view.id: view.wire.status for view in replayed.operations.all()} == {
        view.id: view.wire.status for view in plain.operations.all()
    }


def test_what_is_decided_by_chance_between_operations_is_found() -> None:
    coin = random.Random(3)

    @durable_execution
    async def chance(event: None, ctx: DurableContext) -> None:
        await ctx.step("heads" if coin.random() < 0.5 else "tails", body, "x")
        await ctx.step("last", body, "x")

    assert DurableTestRunner(chance, always_replay=False).run().status == "SUCCEEDED"
    errors = [DurableTestRunner(chance, always_replay=True).run().error for _ in range(5)]
    assert any(error and error.error_type == "durable_lambda.errors.NonDeterministicExecutionError" for error in errors)


def test_state_that_is_kept_outside_of_steps_is_found() -> None:
    counter = []

    @durable_execution
    async def counting(event: None, ctx: DurableContext) -> int:
        await ctx.step("one", body, "one")
        counter.append(1)
        await ctx.step(f"number {len(counter)}", body, "two")
        return len(counter)

    error = DurableTestRunner(counting, always_replay=True).run().error
    assert error is not None
    assert "recorded: STEP 'number 1' SUCCEEDED\n  current:  STEP 'number 2'" in (error.error_message or "")


@pytest.mark.parametrize(("value", "replays"), [("1", True), ("0", False), ("", False)])
def test_the_environment_can_say_so_for_a_whole_suite(monkeypatch, value: str, replays: bool) -> None:
    monkeypatch.setenv("DURABLE_ALWAYS_REPLAY", value)
    ran.clear()

    @durable_execution
    async def two(event: None, ctx: DurableContext) -> None:
        ran["handler"] += 1
        await ctx.step("one", body, "one")

    DurableTestRunner(two).run()
    assert (ran["handler"] > 1) is replays
