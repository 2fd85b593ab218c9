"""Functions of one engine that invoke each other, with the SDK on both sides."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from durable_lambda import DurableContext, ValidationError, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from invoking import approving, failing, order, outcome, pay, told
from scripted import Mail


@pytest.fixture
def engine():
    with Engine(clock=SkippingClock(1_000_000)) as engine:
        yield engine


def test_a_durable_function_invokes_another_and_gets_its_result(engine):
    engine.register(order)
    engine.register(pay)
    execution = engine.start("order", {"amount": 7})
    assert execution.result(10) == {"paid": 7}
    assert told(execution) == [
        "ExecutionStarted",
        "ChainedInvokeStarted",
        "InvocationCompleted",
        "ChainedInvokeSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    (child,) = engine.executions("pay")
    assert execution.history()[1].details.durable_execution_arn == child.arn
    assert child.result(1) == {"paid": 7}
    assert told(child)[0] == "ExecutionStarted"
    assert engine.execution(child.name).arn == child.arn


def test_invokes_nest(engine):
    @durable_execution
    async def count(event: int, ctx: DurableContext) -> list[int]:
        below = await ctx.invoke("below", "count:live", event - 1, result_type=list[int]) if event else []
        return [*below, event]

    engine.register(count)
    assert engine.start("count", 3).result(10) == [0, 1, 2, 3]
    assert len(engine.executions("count")) == 4


def test_invokes_run_side_by_side(engine):
    together = threading.Barrier(2, timeout=10)

    @durable_execution
    async def both(event: Any, ctx: DurableContext) -> list[Any]:
        return list(await asyncio.gather(ctx.invoke("a", "meet", 1), ctx.invoke("b", "meet", 2)))

    def meet(event: int, context: Any) -> int:
        together.wait()
        return event

    engine.register(both)
    engine.register(meet)
    assert engine.start("both").result(10) == [1, 2]


def test_a_result_reaches_an_invocation_that_runs_on(engine):
    answered = Mail()

    @durable_execution
    async def busy(event: Any, ctx: DurableContext) -> Any:
        async def until_answered() -> None:
            await asyncio.to_thread(answered.get)

        step = ctx.step("busy", until_answered)
        result = await ctx.invoke("rates", "rates")
        answered.put()
        await step
        return result

    engine.register(busy)
    engine.register(lambda event, context: 1.5, name="rates")
    execution = engine.start("busy")
    assert execution.result(10) == 1.5
    assert told(execution).count("InvocationCompleted") == 1


@pytest.mark.parametrize("is_async", [True, False])
def test_a_plain_function_gets_its_event_and_a_context(engine, is_async):
    seen: list[Any] = []

    def look(event: Any, context: Any) -> Any:
        seen.append(threading.current_thread().name)
        assert 0 < context.get_remaining_time_in_millis() <= 900_000
        return [event, context.function_name, context.tenant_id, context.invoked_function_arn]

    async def look_on_the_loop(event: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return look(event, context)

    @durable_execution
    async def ask(event: Any, ctx: DurableContext) -> Any:
        with_payload = await ctx.invoke("a", "look", {"x": [1]}, tenant_id="blue")
        return [with_payload, await ctx.invoke("b", "look")]

    engine.register(look_on_the_loop if is_async else look, name="look")
    engine.register(ask)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:look:$LATEST"
    execution = engine.start("ask")
    assert execution.result(10) == [[{"x": [1]}, "look", "blue", arn], [{}, "look", None, arn]]
    assert all(name.startswith("durable-plain") is not is_async for name in seen)
    told(execution)


def test_a_durable_target_sees_the_tenant_and_no_payload_as_none(engine):
    @durable_execution
    async def child(event: Any, ctx: DurableContext) -> Any:
        return [event, getattr(ctx.lambda_context, "tenant_id", "")]

    @durable_execution
    async def parent(event: Any, ctx: DurableContext) -> Any:
        return await ctx.invoke("it", "child", tenant_id="blue")

    engine.register(child)
    engine.register(parent)
    assert engine.start("parent").result(10) == [None, "blue"]


def test_stopping_the_parent_leaves_the_child_alone(engine):
    asked = Mail()
    engine.register(outcome)
    engine.register(approving(asked))
    execution = engine.start("outcome", "approve")
    callback_id = asked.get()
    execution.stop()
    (child,) = engine.executions("approve")
    assert child.status == "RUNNING"
    engine.send_callback_success(callback_id, "yes")
    assert child.result(10) == "yes"
    assert told(execution)[-1] == "ExecutionStopped"


def test_a_plain_function_cannot_be_started(engine):
    engine.register(lambda event, context: None, name="plain")
    with pytest.raises(ValidationError, match="@durable_execution"):
        engine.start("plain")


def test_what_cannot_be_called_or_has_no_name_is_not_registered(engine):
    with pytest.raises(ValidationError, match="a durable function or a callable"):
        engine.register(5, name="five")
    with pytest.raises(ValidationError, match=r"register\(function, name=…\)"):
        engine.register(object())


def test_the_last_function_of_a_name_counts_whichever_its_kind(engine):
    engine.register(outcome)
    engine.register(failing, name="it")
    engine.register(lambda event, context: "plain", name="it")
    assert engine.start("outcome", "it").result(10) == ["returned", "plain"]
    engine.register(failing, name="it")
    assert engine.start("outcome", "it").result(10)[1] == "ValueError"
