"""When an engine invokes a function, how long it lets it run, and how it all ends."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest

from durable_lambda.engine import Engine, Limits, SkippingClock
from durable_lambda.engine.invoker import Registration
from durable_lambda.errors import (
    ExecutionFailedError,
    ExecutionStoppedError,
    ExecutionTimedOutError,
)
from durable_lambda.protocol.errors import (
    InvalidParameterValueException,
)
from durable_lambda.protocol.invocation import InvocationOutput
from scripted import Blocked, Invocation, Mail, Script


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


def test_what_runs_is_told_of_a_stop_and_learns_it_from_its_next_checkpoint(engine):
    mail, refused = Mail(), Mail()

    async def body(run: Invocation):
        changed = asyncio.Event()
        run.backend.watch(run.arn, changed.set)
        mail.put()
        await changed.wait()
        try:
            await run.checkpoint()
        except InvalidParameterValueException as error:
            refused.put(error)

    engine.register(Script(body))
    execution = engine.start("orders")
    mail.get()
    execution.stop()
    assert refused.get().is_stale_token


def test_a_result_or_an_error_that_is_no_unicode_fails_the_execution_and_hangs_nothing(engine):
    async def result(run: Invocation):
        return InvocationOutput("SUCCEEDED", result='"\ud800"')

    async def error(run: Invocation):
        raise OSError("no such file: \udcff")

    for name, body in (("result", result), ("error", error)):
        engine.register(Script(body), name=name)
        with pytest.raises(ExecutionFailedError, match="not valid Unicode"):
            engine.start(name).result(10)


def test_a_function_that_answers_nonsense_fails_its_invocation():
    class Nonsense:
        name = "orders"

        async def invoke(self, *_: object) -> str:
            return "done"

    with Engine(limits=Limits(failed_invocations=1)) as engine:
        engine.register(Nonsense())
        with pytest.raises(ExecutionFailedError, match="'done', which is no InvocationOutput"):
            engine.start("orders").result(10)
