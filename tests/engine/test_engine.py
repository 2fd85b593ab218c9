"""An engine as a program uses it: start, wait, answer, stop, look."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest

from durable_lambda.engine import Engine, EngineClosedError, Limits, ManualClock, SkippingClock, UnknownExecutionError
from durable_lambda.engine.invoker import Registration
from durable_lambda.errors import (
    ExecutionAlreadyStartedError,
    ExecutionFailedError,
    ExecutionStoppedError,
    ExecutionTimedOutError,
    SerializationError,
    ValidationError,
)
from durable_lambda.protocol.backend import WatchableBackend
from durable_lambda.protocol.errors import (
    CallbackTimeoutException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import ErrorObject
from scripted import Blocked, Invocation, Mail, Script
from wire import assert_event, assert_matches, assert_operation


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def engine(clock):
    with Engine(":memory:", clock=clock) as engine:
        yield engine


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


def test_the_backend_is_one_that_can_be_watched(engine):
    async def body(run: Invocation):
        return isinstance(run.backend, WatchableBackend)

    engine.register(Script(body))
    assert engine.start("orders").result(10) is True


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


def test_a_wait_ends_when_its_time_has_come_and_not_before(engine, clock):
    waiting = Mail()

    async def body(run: Invocation):
        try:
            await run.wait("w", 3600)
        finally:
            waiting.put()
        return run.event.updated_operation_ids

    engine.register(Script(body))
    execution = engine.start("orders")
    waiting.get()
    clock.advance(3599)
    assert execution.status == "RUNNING"
    clock.advance(1)
    assert execution.result(10) == ["w"]


def test_who_watches_is_called_at_once_and_at_every_change_until_the_end(engine):
    mail, changes = Mail(), []

    async def body(run: Invocation):
        return (await run.callback("cb", mail.put)).status

    engine.register(Script(body))
    execution = engine.start("orders")
    callback_id = mail.get()
    unwatch = execution.watch(lambda: changes.append(1))
    with pytest.raises(ZeroDivisionError):
        execution.watch(lambda: 1 / 0)
    execution.watch(lambda: 1 / (len(changes) < 2))
    assert len(changes) == 1
    engine.send_callback_success(callback_id)
    execution.wait(10)
    assert len(changes) > 1
    unwatch()


def test_a_skipping_clock_lets_a_year_pass_in_no_time():
    async def body(run: Invocation):
        for month in range(12):
            await run.wait(f"m{month}", 30 * 86_400)
        return "a year"

    clock = SkippingClock()
    begin = clock.now()
    with Engine(clock=clock) as engine:
        engine.register(Script(body))
        assert engine.start("orders").result(10) == "a year"
    assert clock.now() - begin == 360 * 86_400_000


def test_a_step_that_waits_for_its_next_attempt_is_not_run_early_when_something_else_wakes_the_execution(engine, clock):
    attempts = []
    mail = Mail()

    def flaky() -> int:
        attempts.append(clock.now())
        if len(attempts) == 1:
            raise ValueError("not yet")
        return len(attempts)

    async def body(run: Invocation):
        if "cb" not in run.operations:
            with contextlib.suppress(Blocked):
                await run.callback("cb", mail.put)
        return await run.step("flaky", flaky, retry_in=60)

    script = Script(body)
    engine.register(script)
    execution = engine.start("orders")
    engine.send_callback_success(mail.get(), "go")
    clock.advance(59)
    assert execution.status == "RUNNING"
    assert len(attempts) == 1
    clock.advance(1)
    assert execution.result(10) == 2
    assert attempts[1] - attempts[0] == 60_000


def test_a_callback_is_answered_from_outside(engine):
    mail = Mail()

    async def body(run: Invocation):
        answered = await run.callback("approval", mail.put)
        return answered.callback_details.result

    engine.register(Script(body))
    execution = engine.start("orders")
    callback_id = mail.get()
    engine.send_callback_heartbeat(callback_id)
    engine.send_callback_success(callback_id, {"ok": True})
    assert execution.result(10) == '{"ok":true}'
    with pytest.raises(CallbackTimeoutException):
        engine.send_callback_success(callback_id)
    with pytest.raises(ResourceNotFoundException):
        engine.send_callback_success("AAAA")


def test_a_callback_fails_with_the_error_that_it_is_given(engine):
    mail = Mail()

    async def body(run: Invocation):
        return (await run.callback("approval", mail.put)).callback_details.error.error_type

    engine.register(Script(body))
    execution = engine.start("orders")
    engine.send_callback_failure(mail.get(), ValueError("declined"))
    assert execution.result(10) == "ValueError"


def test_a_change_during_an_invocation_is_pushed_and_an_empty_checkpoint_brings_it(engine):
    mail = Mail()

    async def body(run: Invocation):
        changed = asyncio.Event()
        unwatch = run.backend.watch(run.arn, changed.set)
        try:
            await run.callback("approval", mail.put)
        except Blocked:
            await changed.wait()
        unwatch()
        await run.checkpoint()
        return run.operations["approval"].status

    script = Script(body)
    engine.register(script)
    execution = engine.start("orders")
    engine.send_callback_success(mail.get())
    assert execution.result(10) == "SUCCEEDED"
    assert script.invocations == 1


def test_an_answer_that_came_unseen_invokes_again_at_once(engine):
    mail, answered = Mail(), Mail()

    async def body(run: Invocation):
        try:
            return (await run.callback("approval", mail.put)).status
        except Blocked:
            await asyncio.to_thread(answered.get)
            raise

    script = Script(body)
    engine.register(script)
    execution = engine.start("orders")
    engine.send_callback_success(mail.get())
    answered.put()
    assert execution.result(10) == "SUCCEEDED"
    assert script.invocations == 2


def test_an_invocation_that_raises_is_tried_again_and_at_last_fails_the_execution(clock):
    async def body(run: Invocation):
        raise RuntimeError("out of memory")

    script = Script(body)
    with Engine(clock=SkippingClock(), limits=Limits(failed_invocations=3)) as engine:
        engine.register(script)
        with pytest.raises(ExecutionFailedError, match="RuntimeError: out of memory") as failure:
            engine.start("orders").result(10)
    assert script.invocations == 3
    assert any("out of memory" in line for line in failure.value.stack_trace)


def test_an_invocation_that_takes_too_long_is_cancelled_and_tried_again():
    runs = []

    async def body(run: Invocation):
        runs.append(run.context.get_remaining_time_in_millis())
        if len(runs) == 1:
            await asyncio.Event().wait()
        return "in time"

    with Engine(clock=SkippingClock()) as engine:
        registration = Registration("orders", Script(body), 100, 0.01, 1)
        engine._thread.ask(lambda host: host.register(registration)).result()
        execution = engine.start("orders")
        assert execution.result(10) == "in time"
        failed = next(event for event in execution.history() if event.event_type == "InvocationCompleted")
    assert failed.details.error.payload.error_type == "Sandbox.Timedout"
    assert runs[0] <= 10


def test_an_execution_that_takes_too_long_times_out(engine, clock):
    async def body(run: Invocation):
        await run.wait("w", 1000)

    engine.register(Script(body), execution_timeout=timedelta(minutes=1))
    execution = engine.start("orders")
    clock.advance(60)
    with pytest.raises(ExecutionTimedOutError):
        execution.result(10)


def test_a_stopped_execution_ends_at_once_and_what_runs_cannot_store_any_more(engine):
    running, stopped, refused = Mail(), Mail(), Mail()

    async def body(run: Invocation):
        running.put()
        await asyncio.to_thread(stopped.get)
        try:
            await run.step("late")
        except InvalidParameterValueException as error:
            refused.put(error.message)

    engine.register(Script(body))
    execution = engine.start("orders")
    running.get()
    execution.stop("enough")
    stopped.put()
    with pytest.raises(ExecutionStoppedError, match="was stopped: enough"):
        execution.result(10)
    assert refused.get() == "Invalid checkpoint token"
    execution.stop("again")
    assert execution.history()[-1].details.error.payload.error_message == "enough"


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
    execution = engine.start("orders")
    with pytest.raises(TimeoutError):
        execution.result(0.01)


def test_who_waits_for_a_result_is_told_when_the_engine_closes():
    async def body(run: Invocation):
        await run.wait("w", 10)

    engine = Engine(clock=ManualClock())
    engine.register(Script(body))
    end = engine.start("orders")._end()
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


def test_an_invocation_that_ignores_its_cancellation_is_given_up(monkeypatch):
    monkeypatch.setattr("durable_lambda.engine.invoker.GRACE_SECONDS", 0.01)
    release = Mail()
    refused = Mail()

    async def body(run: Invocation):
        if release.is_empty:
            release.put(asyncio.Event())
            while not release.get().is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await release.get().wait()
            try:
                await run.step("late")
            except InvalidParameterValueException as error:
                refused.put(error.message)
            return "late"
        release.get().set()
        return "in time"

    with Engine(clock=SkippingClock()) as engine:
        registration = Registration("orders", Script(body), 100, 0.01, 1)
        engine._thread.ask(lambda host: host.register(registration)).result()
        assert engine.start("orders").result(10) == "in time"
        assert refused.get() == "Invalid checkpoint token"
