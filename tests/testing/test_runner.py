"""A run from a test's point of view: its outcome, its time, its answers, and the messages of what goes wrong."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextvars import Context
from datetime import UTC, datetime, timedelta

import pytest

from durable_lambda import DurableContext, ExecutionFailedError, Retry, ValidationError, durable_execution
from durable_lambda.testing import DurableTestRunner, NotEndedError


async def three() -> int:
    return 3


@durable_execution
async def one_step(event: int, ctx: DurableContext) -> int:
    return event + await ctx.step("three", three)


@durable_execution
async def approved(event: None, ctx: DurableContext) -> str:
    approval = await ctx.create_callback("approval", timeout=timedelta(days=3))
    await ctx.step("ask", three)
    return await ctx.callback_result(approval, str)


@durable_execution
async def failing(event: None, ctx: DurableContext) -> None:
    raise LookupError("no such order")


def test_a_run_ends_with_the_functions_result() -> None:
    run = DurableTestRunner(one_step).run(4)

    assert (run.status, run.result, run.error, run.invocations) == ("SUCCEEDED", 7, None, 1)
    assert run.waiting_for == []


def test_a_failed_run_has_its_error_and_no_result() -> None:
    run = DurableTestRunner(failing).run()

    assert run.status == "FAILED"
    assert run.error is not None
    assert (run.error.error_type, run.error.error_message) == ("LookupError", "no such order")
    with pytest.raises(ExecutionFailedError, match="no such order"):
        _ = run.result


def test_a_wait_of_a_year_and_a_hundred_retries_take_no_time() -> None:
    attempts = 0

    async def flaky() -> int:
        nonlocal attempts
        attempts += 1
        if attempts <= 100:
            raise OSError("not yet")
        return attempts

    @durable_execution
    async def patient(event: None, ctx: DurableContext) -> int:
        await ctx.wait("a year", timedelta(days=360))
        return await ctx.step("flaky", flaky, retry=Retry(max_attempts=200, initial_delay=3600, jitter="none"))

    began = time.perf_counter()
    run = DurableTestRunner(patient).run()

    assert run.result == 101
    assert run.operation("flaky").attempts == 101
    assert run.now > datetime(2025, 12, 27, 1, tzinfo=UTC)
    assert time.perf_counter() - began < 5


def test_time_begins_where_it_is_told_to_and_the_function_sees_it_pass() -> None:
    @durable_execution
    async def timed(event: None, ctx: DurableContext) -> list[datetime]:
        before = await ctx.now()
        await ctx.wait("a day", timedelta(days=1))
        return [before, await ctx.now()]

    run = DurableTestRunner(timed, start=datetime(2030, 5, 1, tzinfo=UTC)).run()

    assert run.result == ["2030-05-01T00:00:00Z", "2030-05-02T00:00:00Z"]


def test_a_sleep_in_a_body_passes_at_once_and_in_order_with_waits() -> None:
    ended: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(3600)
        ended.append("slow")

    @durable_execution
    async def beside(event: None, ctx: DurableContext) -> None:
        async def waits() -> None:
            await ctx.wait("half an hour", timedelta(minutes=30))
            ended.append("wait")

        await asyncio.gather(ctx.step("slow", slow, retry=Retry.none()), waits())

    @durable_execution(name="limited")
    async def limited(event: None, ctx: DurableContext) -> None:
        await ctx.step("slow", slow, timeout=60, retry=Retry.none())

    began = time.perf_counter()
    run = DurableTestRunner(beside, invocation_timeout=900).run()
    assert run.error is not None
    assert run.error.error_type == "Sandbox.Timedout"  # an invocation of the service's ends after 15 minutes

    timed_out = DurableTestRunner(limited).run()
    assert timed_out.error is not None
    assert timed_out.error.error_type == "durable_lambda.errors.StepTimeoutError"
    took = timed_out.now - datetime(2025, 1, 1, tzinfo=UTC)  # less what has passed in real time
    assert timedelta(seconds=50) < took <= timedelta(seconds=60)
    assert time.perf_counter() - began < 10


def test_a_body_that_never_ends_times_out_without_waiting_for_it() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    @durable_execution
    async def hanging(event: None, ctx: DurableContext) -> None:
        await ctx.step("hang", hang, timeout=300, retry=Retry.none())

    began = time.perf_counter()
    run = DurableTestRunner(hanging).run()

    assert run.error is not None
    assert run.error.error_type == "durable_lambda.errors.StepTimeoutError"
    assert time.perf_counter() - began < 5


def test_threads_of_others_do_not_make_time_pass_as_ever() -> None:
    @durable_execution
    async def hanging(event: None, ctx: DurableContext) -> None:
        await ctx.step("hang", asyncio.Event().wait, timeout=300, retry=Retry.none())

    done = threading.Event()
    threading.Thread(target=done.wait, name="of another test", daemon=True).start()
    began = time.perf_counter()
    try:
        run = DurableTestRunner(hanging).run()
    finally:
        done.set()
    assert run.error is not None
    assert run.error.error_type == "durable_lambda.errors.StepTimeoutError"
    assert time.perf_counter() - began < 5


def test_time_does_not_jump_over_a_body_that_works_on_a_thread() -> None:
    def works() -> str:
        time.sleep(0.05)
        return "done"

    async def sleeps() -> None:
        await asyncio.sleep(3600)

    @durable_execution
    async def beside(event: None, ctx: DurableContext) -> str:
        result, _ = await asyncio.gather(
            ctx.step("works", works, timeout=600), ctx.step("sleeps", sleeps, timeout=4000)
        )
        return result

    run = DurableTestRunner(beside, invocation_timeout=900).run()

    assert run.operation("works").status == "SUCCEEDED"


def test_a_run_that_waits_for_a_callback_tells_what_lets_it_go_on() -> None:
    run = DurableTestRunner(approved).run()

    assert run.status == "RUNNING"
    assert run.waiting_for == ["callback 'approval': run.send_callback_success('approval', value), then run.run()"]
    with pytest.raises(NotEndedError, match=r"RUNNING, waiting for callback 'approval': run\.send_callback_success"):
        _ = run.result


def test_a_callback_is_answered_by_its_name() -> None:
    run = DurableTestRunner(approved).start()
    run.send_callback_success("approval", "yes")
    assert run.status == "RUNNING"
    run.run()

    assert run.result == "yes"
    assert run.invocations == 2


def test_a_callback_is_failed_by_its_name() -> None:
    run = DurableTestRunner(approved).start()
    run.send_callback_failure("approval", "declined")

    assert run.run().error is not None
    assert "declined" in (run.error.error_message or "")


def test_the_callback_of_wait_for_callback_is_answered_by_the_name_of_both() -> None:
    sent: list[str] = []

    @durable_execution
    async def both(event: None, ctx: DurableContext) -> int:
        return await ctx.wait_for_callback("approval", sent.append, result_type=int)

    run = DurableTestRunner(both).start()
    assert sent == [run.operation("approval create callback id").callback_id]
    run.send_callback_success("approval", 5)

    assert run.run().result == 5


def test_an_answer_to_a_callback_that_is_not_waited_for_tells_which_are() -> None:
    run = DurableTestRunner(approved).start()

    with pytest.raises(LookupError, match=r"no callback named 'aproval' is waited for; waited for: 'approval'"):
        run.send_callback_success("aproval", "yes")


def test_time_that_passes_lets_a_callback_time_out() -> None:
    run = DurableTestRunner(approved).start()

    assert run.advance(timedelta(days=2)).status == "RUNNING"
    assert run.advance(timedelta(days=2)).status == "FAILED"
    assert run.error is not None
    assert run.error.error_type == "durable_lambda.errors.CallbackTimeoutError"


def test_the_timer_of_a_timeout_is_not_skipped_while_a_callback_is_waited_for() -> None:
    async def ask(ctx: DurableContext) -> str:
        return await ctx.callback_result(await ctx.create_callback("approval"), str)

    @durable_execution
    async def limited(event: None, ctx: DurableContext) -> str:
        return await ctx.timeout("in time", timedelta(days=3), ask)

    run = DurableTestRunner(limited).start()
    assert run.open_callbacks == ["approval"]
    run.send_callback_success("approval", "yes")
    assert run.run().result == "yes"

    assert DurableTestRunner(limited).start().advance(timedelta(days=3)).error.error_type == "TimeoutError"  # type: ignore[union-attr]


def test_a_heartbeat_keeps_a_callback_open() -> None:
    @durable_execution
    async def beating(event: None, ctx: DurableContext) -> str:
        handle = await ctx.create_callback("work", heartbeat_timeout=60)
        return await ctx.callback_result(handle, str)

    run = DurableTestRunner(beating).start()
    run.advance(50)
    run.send_callback_heartbeat("work")
    assert run.advance(50).status == "RUNNING"
    assert run.advance(20).status == "FAILED"


def test_without_skipping_time_only_the_test_lets_it_pass() -> None:
    @durable_execution
    async def waits(event: None, ctx: DurableContext) -> None:
        await ctx.wait("first", timedelta(hours=1))
        await ctx.wait("second", timedelta(hours=1))

    run = DurableTestRunner(waits, skip_time=False).start()
    assert run.waiting_for == ["wait 'first': run.advance(…)"]
    run.advance(timedelta(minutes=90))
    assert run.operations.names == ["first", "second"]
    run.advance(timedelta(minutes=30))

    assert run.status == "SUCCEEDED"
    assert run.operation("second").started_at == datetime(2025, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("amount", [-1, timedelta(days=-1), True])
def test_time_does_not_go_backwards(amount: timedelta | int) -> None:
    run = DurableTestRunner(approved).start()
    with pytest.raises(ValidationError, match="time goes forward"):
        run.advance(amount)


def test_a_run_that_is_stopped_has_ended() -> None:
    run = DurableTestRunner(approved).start()
    run.stop("no longer needed")

    assert run.status == "STOPPED"
    assert run.error is not None
    assert run.error.error_message == "no longer needed"


def test_the_same_run_again_is_the_same_to_the_last_id() -> None:
    async def unlucky() -> None:
        raise OSError("no")

    @durable_execution
    async def jittery(event: None, ctx: DurableContext) -> None:
        await ctx.create_callback("unused")
        await ctx.step("unlucky", unlucky)

    first, second = (DurableTestRunner(jittery).run() for _ in range(2))
    other = DurableTestRunner(jittery, seed=1).run()

    assert first.history == second.history
    assert [event.event_timestamp for event in other.history] != [event.event_timestamp for event in first.history]


async def test_inside_a_running_loop_a_run_blocks_or_is_awaited() -> None:
    blocked = DurableTestRunner(approved).start()
    awaited = await DurableTestRunner(approved).astart()
    for run in (blocked, awaited):
        run.send_callback_success("approval", "yes")
        await run.arun()
        assert run.result == "yes"

    later = await DurableTestRunner(approved).arun()
    assert (await later.aadvance(timedelta(days=4))).status == "FAILED"


async def test_the_callers_loop_goes_on_while_a_run_is_awaited() -> None:
    turned = asyncio.Event()

    def body() -> bool:
        return loop.call_soon_threadsafe(turned.set) is not None

    @durable_execution
    async def waits_for_the_test(event: None, ctx: DurableContext) -> bool:
        return await ctx.step("body", body)

    loop = asyncio.get_running_loop()
    run, _ = await asyncio.gather(DurableTestRunner(waits_for_the_test).arun(), turned.wait())
    assert run.result is True


def test_several_runs_go_on_beside_each_other() -> None:
    runner = DurableTestRunner(approved)
    first, second = runner.start(), runner.start()
    second.send_callback_success("approval", "second")
    second.run()
    first.send_callback_success("approval", "first")
    first.run()

    assert (first.result, second.result) == ("first", "second")


def test_a_body_may_run_a_test_of_its_own() -> None:
    async def nested() -> int:
        return int(DurableTestRunner(one_step).run(1).result)

    def nested_on_a_thread() -> int:
        return int(DurableTestRunner(one_step).run(2).result)

    @durable_execution
    async def outer(event: None, ctx: DurableContext) -> list[int]:
        return [await ctx.step("nested", nested), await ctx.step("threaded", nested_on_a_thread)]

    assert DurableTestRunner(outer).run().result == [4, 5]


def test_a_run_cannot_be_driven_by_the_function_that_it_runs() -> None:
    runs = []

    async def meddles() -> None:
        runs[0].advance(1)

    @durable_execution
    async def outer(event: None, ctx: DurableContext) -> None:
        handle = await ctx.create_callback("go")
        await ctx.callback_result(handle)
        await ctx.step("meddles", meddles, retry=Retry.none())

    run = DurableTestRunner(outer).start()
    runs.append(run)
    run.send_callback_success("go")
    run.run()

    assert run.error is not None
    assert "cannot be driven by a function that is being run" in (run.error.error_message or "")


def test_what_is_left_of_a_run_that_was_broken_off_does_not_go_on_in_the_next_one() -> None:
    ran: list[str] = []

    async def interrupted() -> None:
        asyncio.get_running_loop().call_soon(raise_, KeyboardInterrupt(), context=Context())
        await asyncio.sleep(1)
        ran.append("went on")

    def raise_(error: BaseException) -> None:
        raise error

    @durable_execution
    async def handler(event: None, ctx: DurableContext) -> None:
        await ctx.step("interrupted", interrupted)

    with pytest.raises(KeyboardInterrupt):
        DurableTestRunner(handler).run()

    assert DurableTestRunner(one_step).run(1).result == 4
    assert ran == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the process may have threads
def test_a_forked_process_has_a_loop_of_its_own() -> None:
    assert DurableTestRunner(one_step).run(1).result == 4
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if DurableTestRunner(one_step).run(1).result == 4 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert DurableTestRunner(one_step).run(1).result == 4


def test_a_runner_without_a_function_says_what_is_missing() -> None:
    with pytest.raises(ValidationError, match=r"nothing to run: DurableTestRunner\(handler\)"):
        DurableTestRunner().run()

    async def undecorated(event: object, ctx: object) -> None: ...

    with pytest.raises(ValidationError, match="'undecorated' is a plain function, @durable_execution is missing"):
        DurableTestRunner(undecorated).run()


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(ValidationError, match="a test runner runs durable functions"):
        DurableTestRunner(3, name="three")  # type: ignore[arg-type]
