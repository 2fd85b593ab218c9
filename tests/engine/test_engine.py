"""An engine as a program uses it: register, start, wait, look."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from durable_lambda.engine import Engine, EngineClosedError, Limits, ManualClock, UnknownExecutionError
from durable_lambda.errors import (
    ExecutionAlreadyStartedError,
    ExecutionFailedError,
    SerializationError,
    ValidationError,
)
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import ErrorObject
from scripted import Invocation, Mail, Script
from wire import assert_event, assert_matches, assert_operation


async def one_step(run: Invocation):
    return await run.step("charge", lambda: {"paid": run.input["amount"]})


def test_a_function_runs_to_its_result_and_everything_told_of_it_is_of_the_services_shape(engine):
    engine.register(Script(one_step))
    execution = engine.start("orders", {"amount": 7}, execution_name="order-1")
    assert execution.result(10) == {"paid": 7}
    assert execution.status == "SUCCEEDED"
    assert execution.name == "order-1"
    assert_matches("DurableExecutionArn", execution.arn)
    types = [event.event_type for event in execution.history()]
    assert types == ["ExecutionStarted", "StepStarted", "StepSucceeded", "InvocationCompleted", "ExecutionSucceeded"]
    for event in execution.history():
        assert_event(event)
    for operation in execution.operations():
        assert_operation(operation)


def test_the_same_name_and_event_is_the_same_execution_running_or_ended(engine):
    script = Script(one_step)
    engine.register(script)
    first = engine.start("orders", {"amount": 1, "id": 2}, execution_name="n")
    first.wait(10)
    second = engine.start("orders", {"id": 2, "amount": 1}, execution_name="n")
    assert second.arn == first.arn
    assert second.result(10) == {"paid": 1}
    assert script.invocations == 1


def test_the_same_name_with_another_event_is_refused(engine):
    engine.register(Script(one_step))
    engine.start("orders", {"amount": 1}, execution_name="n")
    with pytest.raises(ExecutionAlreadyStartedError, match="another execution_name"):
        engine.start("orders", {"amount": 2}, execution_name="n")


def test_a_function_that_is_not_registered_is_named_beside_those_that_are(engine):
    engine.register(Script(one_step))
    with pytest.raises(ValidationError, match="'order'; registered: orders"):
        engine.start("order")


def test_a_function_may_be_started_by_itself_instead_of_its_name(engine):
    script = Script(one_step)
    with pytest.raises(ValidationError, match=r"is not registered; call engine.register\(…\) .* registered: none yet"):
        engine.start(script, {"amount": 7})
    engine.register(script, name="paying")
    execution = engine.start(script, {"amount": 7}, execution_name="order-1")
    assert execution.result(10) == {"paid": 7}
    assert execution.function == "paying"
    assert engine.start("paying", {"amount": 7}, execution_name="order-1").id == execution.id


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 65])
def test_a_name_that_the_service_would_not_take_is_refused(engine, name):
    engine.register(Script(one_step))
    with pytest.raises(ValidationError, match="1 to 64 letters"):
        engine.start("orders", execution_name=name)


def test_an_event_that_is_no_json_is_refused(engine):
    engine.register(Script(one_step))
    with pytest.raises(SerializationError, match="the event cannot be written as JSON"):
        engine.start("orders", object())


@pytest.mark.parametrize(
    "options",
    [
        {"execution_timeout": 0},
        {"execution_timeout": timedelta(days=367)},
        {"invocation_timeout": 901},
        {"invocation_timeout": timedelta(milliseconds=1500)},
        {"retention": timedelta(hours=1)},
    ],
)
def test_a_duration_out_of_bounds_is_refused(engine, options):
    with pytest.raises(ValidationError, match="must be a whole number of seconds from"):
        engine.register(Script(one_step), **options)


def test_a_failed_execution_raises_what_it_recorded(engine):
    async def body(run: Invocation):
        return InvocationOutput("FAILED", error=ErrorObject("app.Declined", "no funds", '{"code":1}', ["line"]))

    engine.register(Script(body))
    with pytest.raises(ExecutionFailedError, match=r"app\.Declined: no funds") as failure:
        engine.start("orders").result(10)
    assert failure.value.error_type == "app.Declined"
    assert failure.value.error_data == '{"code":1}'
    assert failure.value.stack_trace == ["line"]


def test_a_failure_without_a_text_is_told_by_its_type(engine):
    async def body(run: Invocation):
        return InvocationOutput("FAILED", error=ErrorObject("AssertionError", "", '{"args":[]}'))

    engine.register(Script(body))
    with pytest.raises(ExecutionFailedError, match=r"failed: AssertionError$"):
        engine.start("orders").result(10)


def test_executions_are_found_by_name_and_arn_and_listed_newest_first(engine):
    engine.register(Script(one_step))
    engine.register(Script(one_step), name="other")
    first = engine.start("orders", {"amount": 1}, execution_name="a")
    second = engine.start("other", {"amount": 1}, execution_name="b")
    second.wait(10)
    first.wait(10)
    assert engine.execution("a").arn == first.arn
    assert engine.execution(second.arn).name == "b"
    assert [execution.name for execution in engine.executions()] == ["b", "a"]
    assert [execution.name for execution in engine.executions("orders", status="SUCCEEDED")] == ["a"]
    with pytest.raises(UnknownExecutionError):
        engine.execution("c")


def test_every_blocking_call_has_an_async_twin():
    mail = Mail()

    async def body(run: Invocation):
        return (await run.callback("approval", mail.put)).callback_details.result

    async def main() -> None:
        async with Engine() as engine:
            engine.register(Script(body))
            execution = await engine.astart("orders", execution_name="n")
            await engine.asend_callback_success(await asyncio.to_thread(mail.get), 5)
            assert await execution.aresult(10) == "5"
            assert await execution.await_(10) == await execution.astatus() == "SUCCEEDED"
            assert [o.type for o in await execution.aoperations()] == ["EXECUTION", "CALLBACK"]
            assert (await execution.ahistory())[-1].event_type == "ExecutionSucceeded"
            assert (await engine.aexecution("n")).arn == execution.arn
            assert len(await engine.aexecutions()) == 1

    asyncio.run(main())


def test_a_function_may_start_others_but_not_block_the_engine_that_runs_it(engine):
    async def parent(run: Invocation):
        with pytest.raises(ValidationError, match="astart"):
            engine.start("child", {"amount": 0})
        child = await engine.astart("child", {"amount": 3})
        return await child.aresult()

    engine.register(Script(parent))
    engine.register(Script(one_step), name="child")
    assert engine.start("orders").result(10) == {"paid": 3}


def test_waiting_too_long_for_a_result_is_a_timeout_error(engine):
    async def body(run: Invocation):
        await run.wait("w", 10)

    engine.register(Script(body))
    execution = engine.start("orders", execution_name="order-1")
    told = r"execution 'order-1' of 'orders' has not ended within 0.01 s; it goes on: call again to wait for longer"
    with pytest.raises(TimeoutError, match=told):
        execution.result(0.01)
    with pytest.raises(TimeoutError, match=told):
        execution.wait(timeout=0.01)

    async def patient():
        with pytest.raises(TimeoutError, match=told):
            await execution.aresult(0.01)
        with pytest.raises(TimeoutError, match=told):
            await execution.await_(0.01)

    asyncio.run(patient())
    assert execution.status == "RUNNING"


def test_who_waits_for_a_result_is_told_when_the_engine_closes():
    async def body(run: Invocation):
        await run.wait("w", 10)

    engine = Engine(clock=ManualClock())
    engine.register(Script(body))
    end = engine.start("orders").end()
    engine.close()
    engine.close()
    with pytest.raises(EngineClosedError):
        end.result(10)
    with pytest.raises(EngineClosedError):
        engine.start("orders")


def test_a_hundred_executions_run_on_one_loop(engine):
    async def body(run: Invocation):
        for number in range(5):
            await run.step(f"s{number}", lambda: asyncio.sleep(0))
        return run.input

    engine.register(Script(body))
    executions = [engine.start("orders", number) for number in range(100)]
    assert [execution.result(10) for execution in executions] == list(range(100))


def test_an_event_that_is_too_large_is_refused():
    with Engine(limits=Limits(execution_payload=10)) as engine:
        engine.register(Script(one_step))
        with pytest.raises(ValidationError, match="larger than 10 bytes"):
            engine.start("orders", "x" * 10)
