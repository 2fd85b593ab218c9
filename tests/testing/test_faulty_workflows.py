"""Workflows with one fault each, and what the kit says of it: enough to mend it from."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from durable_lambda import DurableContext, durable_execution
from durable_lambda.testing import CrashDifferenceError, DurableTestRunner, explore_crashes, replay

world: list[str] = []


@pytest.fixture(autouse=True)
def _clean_world() -> None:
    world.clear()


async def do(what: str) -> str:
    world.append(what)
    return what


async def pure(value: Any) -> Any:
    return value


def found_by_crashes(function: Any, event: Any = None, **options: Any) -> str:
    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(function, event, setup=world.clear, **options)
    return str(raised.value)


def found_by_replaying(function: Any) -> str:
    error = DurableTestRunner(function, always_replay=True).run().error
    assert error is not None
    assert error.error_type == "durable_lambda.errors.NonDeterministicExecutionError"
    return error.error_message or ""


def test_a_side_effect_outside_of_a_step() -> None:
    @durable_execution
    async def sends_mail(event: None, ctx: DurableContext) -> None:
        await ctx.step("validate", pure, 1, result_type=int)
        world.append("mail")
        await ctx.step("ship", pure, 1, result_type=int)

    message = found_by_crashes(sends_mail, effects=lambda: list(world))

    assert "effects() gives\n    ['mail', 'mail']\n  and not\n    ['mail']" in message
    assert "is done outside of steps, or in an except or finally" in message


def test_a_double_charge() -> None:
    @durable_execution
    async def charges(event: None, ctx: DurableContext) -> str:
        return await ctx.step("charge", do, "charged")

    message = found_by_crashes(charges, once=["charge"])

    assert "killed after the body of step 'charge' had run, before that was sent" in message
    assert "the body of step 'charge' ran twice, and is to run once" in message
    assert f"{Path(__file__).name}:" in message
    assert "idempotency_key" in message
    assert "at_most_once=True" in message
    assert "lives in the process" not in message  # it is not what is wrong here


def test_a_lost_compensation() -> None:
    undo: list[str] = []

    async def book() -> str:
        undo.append("flight")  # remembered in the process, and not in the history
        return await do("booked")

    async def fails() -> None:
        raise LookupError("no hotel")

    @durable_execution
    async def trip(event: None, ctx: DurableContext) -> str:
        await ctx.step("flight", book)
        try:
            await ctx.step("hotel", fails, retry=0)
        except LookupError:
            for name in undo:
                await ctx.step(f"cancel {name}", do, f"cancelled {name}")
        return "undone"

    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(trip, setup=undo.clear, once=[])
    message = str(raised.value)

    assert "there is another operation: step 'cancel flight' SUCCEEDED" in message
    assert "killed after the body of step 'flight' had run, before that was sent (moment 1)" in message
    assert "a variable that lives in the process, or that a body changes (let the step return it)" in message


def test_a_lost_compensation_is_told_as_an_operation_that_is_missing() -> None:
    undo: list[str] = []

    @durable_execution
    async def trip(event: None, ctx: DurableContext) -> None:
        await ctx.step("flight", lambda: undo.append("flight"), inline=True)
        await ctx.wait("think", 60)
        for name in undo:
            await ctx.step(f"cancel {name}", do, name)

    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(trip, setup=undo.clear, effects=lambda: len(undo) > 1)

    assert "another operation: step 'cancel flight'" in str(raised.value)


SET = """
from durable_lambda import DurableContext, durable_execution

async def reserve(sku: str) -> str:
    return sku

@durable_execution
async def handler(event: list[str], ctx: DurableContext) -> None:
    for sku in set(event):
        await ctx.step(f"reserve {sku}", reserve, sku)
"""


def test_operations_in_the_order_of_a_set(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SET)

    def durable(seed: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from durable_lambda.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=False,
        )

    durable(1, "run", "shop.py", "--event", '["tea", "cup", "pot", "tray"]', "--name", "one").check_returncode()
    (tmp_path / "one.json").write_text(durable(1, "history", "one", "--json").stdout)
    replayed = durable(2, "replay", "shop.py", "one.json")

    assert replayed.returncode == 1
    assert "the history and the code differ at operation" in replayed.stdout
    assert 'await ctx.step(f"reserve {sku}", reserve, sku)' in replayed.stdout
    assert "unordered iteration inside steps" in replayed.stdout


def test_a_swallowed_suspension() -> None:
    @durable_execution
    async def alarms(event: None, ctx: DurableContext) -> None:
        try:
            await ctx.wait("pause", 60)
            await ctx.step("work", pure, 1, result_type=int)
        except BaseException:
            world.append("alarm")  # a suspension is none
            raise

    message = found_by_crashes(alarms, effects=lambda: list(world))

    assert "'alarm'" in message
    assert "is done outside of steps, or in an except or finally" in message


def test_a_clock_in_the_name_of_a_step() -> None:
    @durable_execution
    async def dated(event: None, ctx: DurableContext) -> None:
        await ctx.step(f"report {time.perf_counter_ns()}", pure, 1, result_type=int)

    message = found_by_replaying(dated)

    assert "the history and the code differ at operation 1 (name)" in message
    assert 'await ctx.step(f"report {time.perf_counter_ns()}", pure, 1, result_type=int)' in message
    assert "keep clocks, random numbers, I/O" in message


def test_chance_between_operations() -> None:
    coin = random.Random(1)

    @durable_execution
    async def chance(event: None, ctx: DurableContext) -> None:
        await ctx.step("first", pure, 1, result_type=int)
        for number in range(6):
            if coin.random() < 0.5:
                await ctx.step(f"sometimes {number}", pure, 1, result_type=int)

    message = found_by_replaying(chance)

    assert "sometimes" in message
    assert "recorded:" in message
    assert "current:" in message


def test_state_that_lives_in_the_process() -> None:
    counter: list[int] = []

    @durable_execution
    async def counts(event: None, ctx: DurableContext) -> int:
        counter.append(1)
        await ctx.step("first", pure, 1, result_type=int)
        return len(counter)

    with pytest.raises(CrashDifferenceError, match=r"the result is\s+2\s+and not\s+1") as raised:
        explore_crashes(counts, setup=counter.clear)
    message = str(raised.value)
    assert "before the function knew: the result is 2 and not 1" in message
    assert "follows from what no step has returned: a variable that lives in the process" in message


def test_a_step_that_changes_what_it_has_captured() -> None:
    @durable_execution
    async def collects(event: None, ctx: DurableContext) -> list[str]:
        found: list[str] = []
        await ctx.step("collect", lambda: found.append("item"), inline=True)
        await ctx.wait("pause", 60)
        return found

    plain = DurableTestRunner(collects, always_replay=False).run()
    assert plain.result == []  # the wait has replayed the step, which did not run again

    @durable_execution
    async def collects_at_once(event: None, ctx: DurableContext) -> list[str]:
        found: list[str] = []
        await ctx.step("collect", lambda: found.append("item"), inline=True)
        return found

    message = found_by_crashes(collects_at_once)
    assert 'the result is\n    []\n  and not\n    ["item"]' in message
    assert "after the checkpoint of step 'collect'" in message
    assert "or that a body changes (let the step return it)" in message
    assert "at 1 more moment, of 3 explored" in message


def test_an_order_that_follows_timing() -> None:
    async def ends(name: str) -> str:
        await asyncio.sleep(1)
        return name

    @durable_execution
    async def races(event: None, ctx: DurableContext) -> None:
        done: list[str] = []

        async def part(name: str) -> None:
            done.append(await ctx.step(name, ends, name))

        await asyncio.gather(*(part(name) for name in "abc"))
        for name in done:
            await ctx.step(f"after {name}", pure, 1, result_type=int)

    with pytest.raises(CrashDifferenceError) as raised:
        explore_crashes(races, orders=5)
    message = str(raised.value)

    assert "SUCCEEDED became step 'after " in message
    assert "when its bodies end in another order: its operations or its result follow timing" in message
    assert "(ctx.parallel, ctx.map, or the results that asyncio.gather gives) follows none" in message


def test_an_operation_that_is_not_awaited(caplog) -> None:
    @durable_execution
    async def forgets(event: None, ctx: DurableContext) -> str:
        ctx.step("notify", do, "notified")
        return "done"

    run = DurableTestRunner(forgets).run()

    assert "cancelled, since the function returned before they were done: step 'notify'" in caplog.text
    assert run.status == "SUCCEEDED"


def test_a_step_that_was_renamed_while_executions_are_in_flight() -> None:
    @durable_execution(name="order")
    async def before(event: None, ctx: DurableContext) -> None:
        await ctx.step("charge", pure, 1, result_type=int)
        await ctx.callback_result(await ctx.create_callback("approval"))

    @durable_execution(name="order")
    async def after(event: None, ctx: DurableContext) -> None:
        await ctx.step("charge card", pure, 1, result_type=int)
        await ctx.callback_result(await ctx.create_callback("approval"))

    message = str(replay(after, DurableTestRunner(before).run().history))

    assert "recorded: STEP 'charge' SUCCEEDED" in message
    assert "current:  STEP 'charge card'" in message
    assert f"called at {__file__}:" in message


def test_a_callback_that_nobody_may_answer() -> None:
    @durable_execution
    async def waits(event: None, ctx: DurableContext) -> None:
        await ctx.callback_result(await ctx.create_callback("approval"))

    run = DurableTestRunner(waits).run()

    assert run.advance(366 * 86_400).status == "TIMED_OUT"
    with pytest.raises(Exception, match="did not end within its execution_timeout"):
        _ = run.result
