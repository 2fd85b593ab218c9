"""Code that no longer fits the history of an execution: it is paused, who waits is told, mended code goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from durable_lambda import (
    DurableContext,
    DurableError,
    ExecutionError,
    ExecutionFailedError,
    ExecutionPausedError,
    ValidationError,
    durable_execution,
)
from durable_lambda.engine import Engine, Execution, FileClient, ManualClock

TIMEOUT = 10
ATTEMPTS: list[str] = []


def charge() -> int:
    ATTEMPTS.append("charged")
    return 20


@durable_execution(name="orders")
async def original(order: str, ctx: DurableContext) -> str:
    paid = await ctx.step("charge", charge)
    await ctx.wait("cool-down", 60)
    return f"{order}: {paid}"


@durable_execution(name="orders")
async def renamed(order: str, ctx: DurableContext) -> str:
    paid = await ctx.step("collect", charge)
    await ctx.wait("cool-down", 60)
    return f"{order}: {paid}"


@durable_execution(name="orders")
async def mended(order: str, ctx: DurableContext) -> str:
    paid = await ctx.step("charge", charge)
    await ctx.wait("cool-down", 60)
    return f"{order}: {paid} paid"


@durable_execution
async def parent(order: str, ctx: DurableContext) -> str:
    return await ctx.invoke("sell", "orders", order, result_type=str)


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    ATTEMPTS.clear()


def until(execution: Execution, event_type: str) -> None:
    """Wait until an event of that type was stored."""
    news = threading.Event()
    unwatch = execution.watch(news.set)
    while event_type not in [event.event_type for event in execution.history()]:
        assert news.wait(TIMEOUT)
        news.clear()
    unwatch()


def in_its_wait(engine: Engine, name: str = "order-42") -> Execution:
    engine.register(original)
    execution = engine.start(original, "shoes", execution_name=name)
    until(execution, "InvocationCompleted")
    return execution


def test_who_waits_for_the_result_is_told_the_difference_and_what_to_do(engine, clock):
    execution = in_its_wait(engine)
    engine.register(renamed)
    clock.advance(60)
    with pytest.raises(ExecutionPausedError) as raised:
        execution.result(TIMEOUT)
    error = raised.value
    assert error.code == "EXECUTION_PAUSED"
    assert isinstance(error, ExecutionError)
    assert error.execution_name == "order-42"
    assert "recorded: STEP 'charge'" in error.reason
    assert "current:  STEP 'collect'" in error.reason
    for part in ("'order-42'", "'orders'", error.reason, "Mend the code", "register"):
        assert part in str(error)
    assert execution.status == "PAUSED"


def test_mended_code_goes_on_in_the_same_engine_and_runs_no_completed_step_again(engine, clock):
    execution = in_its_wait(engine)
    engine.register(renamed)
    clock.advance(60)
    with pytest.raises(ExecutionPausedError):
        execution.result(TIMEOUT)
    engine.register(mended)
    assert execution.result(TIMEOUT) == "shoes: 20 paid"
    assert ATTEMPTS == ["charged"]


def test_mended_code_goes_on_after_a_restart_with_the_same_name(tmp_path: Path):
    clock, path = ManualClock(), tmp_path / "orders.db"
    with Engine(path, clock=clock) as engine:
        in_its_wait(engine)
    clock.advance(60)
    for _ in range(2):  # the code that does not fit may be tried as often as one likes
        with Engine(path, clock=clock) as engine:
            engine.register(renamed)
            with pytest.raises(ExecutionPausedError, match="charge"):
                engine.start(renamed, "shoes", execution_name="order-42").result(TIMEOUT)
    with Engine(path, clock=clock) as engine:
        engine.register(mended)
        assert engine.start(mended, "shoes", execution_name="order-42").result(TIMEOUT) == "shoes: 20 paid"
    assert ATTEMPTS == ["charged"]


@pytest.mark.parametrize("question", ["wait", "result"])
def test_who_asks_when_it_is_paused_already_is_told_at_once(engine, clock, question):
    execution = in_its_wait(engine)
    engine.register(renamed)
    clock.advance(60)
    until(execution, "ExecutionPaused")
    with pytest.raises(ExecutionPausedError, match="collect"):
        getattr(execution, question)(TIMEOUT)


@pytest.mark.parametrize("question", ["await_", "aresult"])
def test_who_awaits_the_result_is_told_too(engine, clock, question):
    execution = in_its_wait(engine)
    engine.register(renamed)
    clock.advance(60)
    with pytest.raises(ExecutionPausedError, match="collect"):
        asyncio.run(getattr(execution, question)(TIMEOUT))


def test_who_waits_for_the_execution_that_has_invoked_it_is_told_of_both(engine, clock):
    engine.register(original)
    engine.register(parent)
    execution = engine.start(parent, "shoes", execution_name="sale")
    until(execution, "InvocationCompleted")
    (child,) = engine.executions("orders")
    until(child, "InvocationCompleted")
    engine.register(renamed)
    clock.advance(60)
    for _ in range(2):
        with pytest.raises(ExecutionPausedError, match="'sale'") as raised:
            execution.result(TIMEOUT)
        assert raised.value.execution_name == child.name
        assert child.name in str(raised.value)
    assert execution.status == "RUNNING"
    engine.register(mended)
    assert execution.result(TIMEOUT) == "shoes: 20 paid"


def test_it_is_logged_for_those_who_do_not_wait(engine, clock, caplog):
    execution = in_its_wait(engine)
    engine.register(renamed)
    with caplog.at_level(logging.WARNING, "durable_lambda.engine"):
        clock.advance(60)
        until(execution, "ExecutionPaused")
    assert execution.arn in caplog.text
    assert "recorded: STEP 'charge' SUCCEEDED current: STEP 'collect'" in caplog.text


def test_it_fails_if_that_is_asked_for(clock):
    with Engine(clock=clock, on_mismatch="fail") as engine:
        execution = in_its_wait(engine)
        engine.register(renamed)
        clock.advance(60)
        with pytest.raises(ExecutionFailedError, match="collect") as raised:
            execution.result(TIMEOUT)
    assert raised.value.error_type == "durable_lambda.errors.NonDeterministicExecutionError"


def test_a_word_that_says_neither_is_refused():
    with pytest.raises(ValidationError, match="on_mismatch must be 'pause' or 'fail', not 'stop'"):
        Engine(on_mismatch="stop")  # type: ignore[arg-type]


def test_who_waits_for_an_execution_that_somebody_has_paused_waits_on(tmp_path: Path):
    clock, path = ManualClock(), tmp_path / "orders.db"
    with Engine(path, clock=clock) as engine:
        execution = in_its_wait(engine)
        with FileClient(path) as client:
            client.pause("order-42", "no payments today")
            with pytest.raises(TimeoutError):
                execution.result(0.05)
            client.resume("order-42")
        clock.advance(60)
        assert execution.result(TIMEOUT) == "shoes: 20"


def test_an_error_of_the_function_itself_is_no_mismatch(engine):
    @durable_execution
    async def fails(event: None, ctx: DurableContext) -> None:
        raise DurableError("the history and the code differ")

    engine.register(fails)
    with pytest.raises(ExecutionFailedError):
        engine.start(fails).result(TIMEOUT)
