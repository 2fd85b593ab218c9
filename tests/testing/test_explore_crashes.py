"""The crash explorer: which moments there are, what a crash may change, and what it says when it changed something."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from durable_lambda import (
    CallbackTimeoutError,
    DurableContext,
    Retry,
    ValidationError,
    current_step,
    durable_execution,
)
from durable_lambda.testing import NO_ANSWER, CrashDifferenceError, DurableTestRunner, explore_crashes

charges: list[Any] = []


@pytest.fixture(autouse=True)
def _no_charges() -> None:
    charges.clear()


async def charge(amount: int) -> int:
    charges.append(amount)
    return amount


def charge_on_a_thread(amount: int) -> int:
    charges.append(amount)
    return amount


async def charge_once(amount: int) -> int:
    key = current_step().idempotency_key
    if key not in charges:
        charges.append(key)
    return amount


@durable_execution
async def one_charge(event: int, ctx: DurableContext) -> int:
    return await ctx.step("charge", charge, event)


@durable_execution
async def one_charge_on_a_thread(event: int, ctx: DurableContext) -> int:
    return await ctx.step("charge", charge_on_a_thread, event)


def test_every_moment_is_explored() -> None:
    report = explore_crashes(one_charge, 5)

    # after the body, before and after its checkpoint, after the answer
    assert (report.explored, report.moments, report.orders) == (4, 4, 1)
    assert report.is_complete


@pytest.mark.parametrize("function", [one_charge, one_charge_on_a_thread])
def test_a_body_that_runs_twice_is_told_with_its_source_and_what_to_do(function) -> None:
    report = explore_crashes(function, 5)

    (repeated,) = report.repeated
    assert repeated.step == "step 'charge'"
    assert Path(repeated.source.rpartition(":")[0]) == Path(__file__)
    assert not repeated.is_keyed
    assert repeated.moments
    assert "at_most_once=True" in str(report)
    assert "idempotency_key" in str(report)


def test_a_body_that_asks_for_its_idempotency_key_is_told_apart() -> None:
    @durable_execution
    async def keyed(event: int, ctx: DurableContext) -> int:
        return await ctx.step("charge", charge_once, event)

    report = explore_crashes(keyed, 5, setup=charges.clear, effects=lambda: len(charges), once=["charge"])

    assert [each.is_keyed for each in report.repeated] == [True]


def test_an_at_most_once_step_may_be_interrupted_and_never_runs_twice() -> None:
    @durable_execution
    async def once(event: int, ctx: DurableContext) -> int:
        return await ctx.step("charge", charge, event, at_most_once=True)

    report = explore_crashes(once, 5, once=["charge"])

    assert report.repeated == ()
    assert report.interrupted
    assert "At-most-once steps were interrupted in" in str(report)


def test_an_effect_that_a_crash_repeats_is_a_difference_when_the_world_is_looked_at() -> None:
    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(one_charge, 5, setup=charges.clear, effects=lambda: list(charges))

    message = str(raised.value)
    assert "killed after the body of step 'charge' had run, before that was sent (moment 1)" in message
    assert "effects() gives\n    [5, 5]\n  and not\n    [5]" in message
    assert "To repeat it: explore_crashes(…, moment=1, orders=1)" in message


def test_what_was_found_can_be_repeated() -> None:
    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(one_charge, 5, once=["charge"], moment=2)

    difference = raised.value.difference
    assert difference.moment is not None
    assert (difference.moment.number, raised.value.others) == (2, ())
    assert "step 'charge' ran twice, and is to run once" in difference.said[0]


def test_state_outside_of_steps_is_a_difference() -> None:
    seen: list[int] = []

    @durable_execution
    async def forgetful(event: int, ctx: DurableContext) -> int:
        seen.append(1)
        await ctx.step("charge", charge, event)
        return len(seen)

    with pytest.raises(CrashDifferenceError, match=r"the result is\s+2\s+and not\s+1"):
        explore_crashes(forgetful, 5, setup=seen.clear)


def test_a_function_that_differs_without_a_crash_is_told_so() -> None:
    seen: list[int] = []

    @durable_execution
    async def growing(event: int, ctx: DurableContext) -> int:
        seen.append(1)
        return len(seen)

    with pytest.raises(CrashDifferenceError, match=r"(?s)run again, without a crash.*give setup="):
        explore_crashes(growing, 5)


def test_a_function_that_is_not_deterministic_without_a_crash_is_told_where() -> None:
    seen: list[int] = []

    @durable_execution
    async def numbered(event: int, ctx: DurableContext) -> None:
        seen.append(1)
        await ctx.step(f"number {len(seen)}", charge, event)
        await ctx.wait("pause", 60)

    with pytest.raises(AssertionError, match=r"(?s)without a crash.*recorded: STEP 'number 1'.*called at") as raised:
        explore_crashes(numbered, 5)
    assert not isinstance(raised.value, CrashDifferenceError)  # no crash is needed for it


def test_how_a_function_ends_that_fails_is_told() -> None:
    @durable_execution
    async def fails(event: int, ctx: DurableContext) -> None:
        await ctx.step("charge", charge, event)
        raise LookupError("nothing left")

    report = explore_crashes(fails, 5)

    assert report.outcome == "FAILED: LookupError: nothing left"
    assert "it always ended the same: FAILED: LookupError: nothing left" in str(report)


def test_what_the_function_does_otherwise_is_told_before_what_its_bodies_do_twice() -> None:
    seen: list[int] = []

    @durable_execution
    async def forgets(event: int, ctx: DurableContext) -> int:
        if not seen:
            seen.append(await ctx.step("charge", charge, event))
        await ctx.step("again", charge, 1)
        return len(seen)

    def setup() -> None:
        seen.clear()
        charges.clear()

    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(forgets, 5, setup=setup, effects=lambda: len(charges))

    assert raised.value.difference.said[0].startswith("the execution ended as FAILED")
    assert "NonDeterministicExecutionError" in raised.value.difference.said[0]
    assert all("outside of steps" not in line for line in raised.value.difference.said)


def test_a_result_may_be_checked_instead_of_compared() -> None:
    seen: list[int] = []

    @durable_execution
    async def growing(event: int, ctx: DurableContext) -> int:
        seen.append(1)
        return await ctx.step("charge", charge, event) + len(seen)

    def is_large(run) -> None:
        assert run.result > 5

    assert explore_crashes(growing, 5, check=is_large).is_complete
    with pytest.raises(AssertionError, match="without a crash: check"):
        explore_crashes(growing, 5, check=lambda run: 1 / 0)


def test_callbacks_are_answered_by_name() -> None:
    @durable_execution
    async def approved(event: None, ctx: DurableContext) -> list[Any]:
        first = await ctx.create_callback("first")
        answer = await ctx.callback_result(first)
        other = await ctx.wait_for_callback("second", charge_callback)
        third = await ctx.create_callback("third", timeout=60)
        try:
            await ctx.callback_result(third)
        except CallbackTimeoutError:
            return [answer, other, "late"]
        return []

    async def charge_callback(callback_id: str) -> None:
        pass

    report = explore_crashes(approved, answer={"first": 1, "second": 2, "third": NO_ANSWER})
    assert report.is_complete
    assert report.moments > 12


def test_a_callback_without_an_answer_is_told() -> None:
    @durable_execution
    async def waits(event: None, ctx: DurableContext) -> None:
        await ctx.callback_result(await ctx.create_callback("approval"))

    with pytest.raises(ValidationError, match=r"it waits for callback 'approval'.*answer=\{name: value\}"):
        explore_crashes(waits)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"once": "charge"}, r"once is a list of names: once=\['charge'\]"),
        ({"once": ["chrage"]}, "once has 'chrage', and no step of that name ran; did you mean 'charge'"),
        ({"moment": 99}, "there is no moment 99: without a crash there are 1 to "),
        ({"orders": 0}, "orders must be 1 or more, not 0"),
    ],
)
def test_what_would_not_be_looked_at_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        explore_crashes(one_charge, 5, **options)


def test_a_killed_process_runs_no_finally_before_its_outcome_is_known() -> None:
    cleaned: list[str] = []

    @durable_execution
    async def tidy(event: None, ctx: DurableContext) -> None:
        try:
            await ctx.step("charge", charge, 1)
            await ctx.wait("pause", 60)
        finally:
            cleaned.append("cleaned")

    # twice without a crash, since two invocations end; as often with one in the middle of the first
    explore_crashes(tidy, setup=cleaned.clear, effects=lambda: len(cleaned), moment=2)


def test_bodies_beside_each_other_end_in_several_orders() -> None:
    orders: set[tuple[str, ...]] = set()
    ended: list[str] = []

    async def ends(name: str) -> str:
        await asyncio.sleep(1)
        ended.append(name)
        return name

    @durable_execution
    async def beside(event: None, ctx: DurableContext) -> list[str]:
        return list(await asyncio.gather(*(ctx.step(name, ends, name) for name in "abcd")))

    report = explore_crashes(
        beside, setup=ended.clear, effects=lambda: orders.add(tuple(dict.fromkeys(ended))), orders=5
    )

    assert report.orders == 5
    assert len(orders) >= 4
    assert not report.order_matters


async def at_once(name: str) -> str:
    return name


def at_once_on_a_thread(name: str) -> str:
    return name


@pytest.mark.parametrize("body", [at_once, at_once_on_a_thread])
def test_bodies_that_end_at_once_end_in_several_orders_too(body: Any) -> None:
    @durable_execution
    async def remembers_who_was_first(event: None, ctx: DurableContext) -> None:
        done: dict[str, str] = {}

        async def part(name: str) -> None:
            done[name] = await ctx.step(name, body, name)

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(part(name))
        for name in done:
            await ctx.step(f"after {name}", at_once, name)

    with pytest.raises(CrashDifferenceError, match="its operations or its result follow timing"):
        explore_crashes(remembers_who_was_first)


def test_a_function_whose_outcome_depends_on_who_is_first_is_told() -> None:
    async def ends(name: str, ctx: DurableContext) -> str:
        async def body() -> str:
            await asyncio.sleep(1)
            return name

        return await ctx.step(name, body)

    @durable_execution
    async def race(event: None, ctx: DurableContext) -> str:
        key, _ = await ctx.first("race", left=lambda c: ends("left", c), right=lambda c: ends("right", c))
        return key

    report = explore_crashes(race, orders=6)
    assert report.order_matters
    assert "depends on which of its bodies ends first" in str(report)


def test_it_ends_when_its_time_is_over() -> None:
    report = explore_crashes(one_charge, 5, seconds=0)

    assert (report.explored, report.moments, report.is_complete) == (0, 4, False)
    assert "left out for want of time" in str(report)


def test_it_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    explore_crashes(one_charge, 5, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_runner_brings_its_stubs_and_functions() -> None:
    @durable_execution
    async def payments(event: int, ctx: DurableContext) -> int:
        await ctx.wait("settle", 60)
        return await ctx.step("charge", charge, event)

    @durable_execution
    async def order(event: int, ctx: DurableContext) -> int:
        rate = await ctx.step("rate", charge, 0)
        return rate * await ctx.invoke("pay", "payments", event, result_type=int)

    runner = DurableTestRunner(order).register(payments).stub_step("rate", 2)
    report = explore_crashes(runner, 5)

    assert report.is_complete
    assert {each.step for each in report.repeated} == {"step 'rate'", "step 'charge'"}


def test_everything_that_is_retried_waits_and_branches_survives_every_crash() -> None:
    attempts: Counter[str] = Counter()

    async def flaky(name: str) -> str:
        if current_step().attempt < 3:
            raise OSError("not yet")
        return name

    async def branch(name: str, ctx: DurableContext) -> str:
        await ctx.wait("pause", 5)
        return await ctx.step("flaky", flaky, name, retry=Retry.fixed(3))

    @durable_execution
    async def everything(event: None, ctx: DurableContext) -> list[Any]:
        mapped = await ctx.map("map", ["a", "b", "c"], branch, max_concurrency=2)
        child = await ctx.run_in_child_context("child", lambda c: branch("d", c))
        async with ctx.batch_checkpoints():
            batched = [await ctx.step(f"batched {number}", charge, number) for number in range(3)]
        condition = await ctx.wait_for_condition(
            "ready", lambda state: state + 1, initial_state=0, until=lambda state: state >= 2
        )
        return [mapped.results(), child, batched, condition, ctx.uuid().hex, str(await ctx.now())[:4]]

    report = explore_crashes(everything, setup=attempts.clear, orders=2)
    assert report.is_complete
    assert report.moments > 60


def test_the_order_example_survives_every_crash_in_seconds(monkeypatch, tmp_path) -> None:
    folder = Path(__file__).parents[2] / "examples" / "order_processing"
    monkeypatch.setenv("ORDER_EFFECTS", str(tmp_path / "effects.log"))
    spec = importlib.util.spec_from_file_location("order_app", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "order_app", app)
    spec.loader.exec_module(app)
    order = json.loads((folder / "order_large.json").read_text())

    report = explore_crashes(app.handler, order, answer={"approval": {"approved": True, "by": "grace"}})

    assert report.is_complete
    assert report.seconds < 20
    assert "step 'charge'" in {each.step for each in report.repeated}


async def test_it_may_be_called_in_a_running_loop() -> None:
    assert explore_crashes(one_charge, 5).is_complete
