"""`always_replay`: what happens between two operations happens again and again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

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


async def body_of_a_number() -> int:
    return 1


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


def test_a_result_that_another_replay_would_not_give_is_found() -> None:
    seen: list[int] = []

    @durable_execution
    async def counts(event: None, ctx: DurableContext) -> int:
        await ctx.step("one", body, "one")
        seen.append(1)
        return len(seen)

    differs = r"the code returns\s+2\s+where the history has\s+the result 1"
    with pytest.raises(AssertionError, match=differs) as told:
        DurableTestRunner(counts, always_replay=True).run()
    assert "a variable that lives in the process" in str(told.value)


def test_an_operation_that_another_replay_would_call_is_found() -> None:
    times: list[int] = []

    @durable_execution
    async def sometimes(event: None, ctx: DurableContext) -> None:
        await ctx.step("one", body, "one")
        times.append(1)
        if len(times) > 1:
            await ctx.step("two", body, "two")

    with pytest.raises(AssertionError, match="the code goes on where the recorded execution had ended"):
        DurableTestRunner(sometimes, always_replay=True).run()


async def test_what_another_replay_would_not_give_is_found_where_a_test_awaits_too() -> None:
    seen: list[int] = []

    @durable_execution
    async def counts(event: None, ctx: DurableContext) -> int:
        seen.append(await ctx.step("one", body_of_a_number))
        return len(seen)

    with pytest.raises(AssertionError, match="where the history has"):
        await DurableTestRunner(counts, always_replay=True).arun()


def under_asyncio_timeout(ctx: DurableContext) -> Any:
    async def code() -> str:
        async with asyncio.timeout(30):
            return await ctx.step("ask", body, "ask")

    return code()


def under_wait_for(ctx: DurableContext) -> Any:
    return asyncio.wait_for(ctx.step("ask", body, "ask"), 30)


async def in_a_wait_with_a_timeout(ctx: DurableContext) -> None:
    await asyncio.wait([asyncio.ensure_future(ctx.step("ask", body, "ask"))], timeout=30)


@pytest.mark.parametrize("code", [under_asyncio_timeout, under_wait_for, in_a_wait_with_a_timeout])
def test_a_time_out_of_asyncio_around_an_operation_is_refused(code: Any) -> None:
    @durable_execution
    async def timed(event: None, ctx: DurableContext) -> None:
        await code(ctx)

    assert DurableTestRunner(timed, always_replay=False).run().status == "SUCCEEDED"
    error = DurableTestRunner(timed, always_replay=True).run().error
    assert error is not None
    assert error.error_type == "durable_lambda.errors.NonDeterministicExecutionError"
    assert "step 'ask'" in (error.error_message or "")
    assert "ctx.timeout(" in (error.error_message or "")


async def as_they_are_done(ctx: DurableContext) -> None:
    for each in asyncio.as_completed([ctx.step("ask", body, "ask"), ctx.step("ask", body, "tell")]):
        await each


async def waits_for_the_first(ctx: DurableContext) -> None:
    asked = [asyncio.ensure_future(ctx.step("ask", body, name)) for name in "ab"]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(asked)


@pytest.mark.parametrize("code", [as_they_are_done, waits_for_the_first])
def test_whatever_asyncio_finds_done_first_is_refused(code: Any) -> None:
    @durable_execution
    async def races(event: None, ctx: DurableContext) -> None:
        await code(ctx)

    assert DurableTestRunner(races, always_replay=False).run().status == "SUCCEEDED"
    error = DurableTestRunner(races, always_replay=True).run().error
    assert error is not None
    assert error.error_type == "durable_lambda.errors.NonDeterministicExecutionError"
    assert "step 'ask'" in (error.error_message or "")
    assert "ctx.first(" in (error.error_message or "")


def test_races_and_time_outs_in_a_step_or_of_a_step_are_none_of_durable_code() -> None:
    async def careful() -> str:
        async with asyncio.timeout(30):
            for each in asyncio.as_completed([asyncio.sleep(1), asyncio.sleep(2)]):
                await each
        return await asyncio.wait_for(asyncio.sleep(1, "done"), 30)

    @durable_execution
    async def timed(event: None, ctx: DurableContext) -> list[str]:
        return list(await asyncio.gather(ctx.step("a", careful, timeout=60), ctx.step("b", careful, timeout=60)))

    assert DurableTestRunner(timed, always_replay=True).run().result == ["done", "done"]


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
