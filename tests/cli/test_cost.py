"""`durable cost`: what is counted, and what it comes to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from command import Cli
from durable_lambda import DurableContext, Retry, current_step, durable_execution
from durable_lambda.cli.cost import Cost, cost_of
from durable_lambda.engine import Engine, SkippingClock


def third_time() -> str:
    if current_step().attempt < 3:
        raise ConnectionError("no")
    return "12345678"


@durable_execution
async def order(event: Any, ctx: DurableContext) -> None:
    async def item(number: int, ctx: DurableContext) -> int:
        return number

    async def look(count: int) -> int:
        return count + 1

    await ctx.step("flaky", third_time, retry=Retry.fixed(max_attempts=3, delay=1))
    await ctx.wait("rest", timedelta(hours=1))
    await ctx.map("items", [1, 2, 3], item)
    await ctx.wait_for_condition("ready", look, initial_state=0, until=lambda count: count == 2)


def test_each_kind_is_counted_as_the_service_meters_it() -> None:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(order, "order")
        execution = engine.start("order", {})
        execution.result(10)
        cost = cost_of(execution.history())
    assert cost.operations == {
        "start": 1,
        "Step": 3,
        "Wait": 1,
        "Map": 1,
        "MapIteration": 3,
        "WaitForCondition": 2,
    }
    assert cost.counted == 11
    assert cost.invocations > 1
    assert cost.bytes_written > len('"12345678"')


def test_a_million_operations_cost_eight_dollars_and_a_gigabyte_a_quarter() -> None:
    assert Cost({"Step": 1_000_000}, 0, 1).dollars() == pytest.approx(8.0)
    assert Cost({}, 1_000_000_000, 1).dollars(retention_days=30) == pytest.approx(0.25 + 0.15)


def test_the_command_tells_it_of_an_execution_in_a_file(cli: Cli) -> None:
    cli.json("run", "app.py:nested", "--event", "1", "--name", "n1")
    told = cli.json("cost", "n1")
    assert told["Operations"] == {"start": 1, "RunInChildContext": 1, "Step": 1}
    shown = cli("cost", "n1").stdout
    assert "3 of 3,000" in shown
    assert "$24." in shown, "three operations, a million times"
    assert json.dumps(told)
