"""Deadlines of a step: an attempt that exceeds one fails like any other, and nothing runs beside its successor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from drive import Execution, JumpingLoop, after_turns
from durable_lambda import DurableContext, Retry, StepTimeoutError


@pytest.fixture
def loop() -> Iterator[JumpingLoop]:
    """A loop on which time passes at once."""
    loop = JumpingLoop()
    yield loop
    loop.close()


async def forever() -> None:
    await asyncio.Event().wait()


def step_of(body: Any, loop: JumpingLoop | None = None, **options: Any) -> Execution:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", body, **options)

    return Execution(handler, loop=loop)


@pytest.mark.parametrize("timeout", [30, 30.0, 0.5, timedelta(minutes=2), timedelta(milliseconds=5)], ids=repr)
def test_an_async_body_is_cancelled_at_its_deadline(loop: JumpingLoop, timeout: Any) -> None:
    ended = []

    async def body() -> None:
        try:
            await forever()
        finally:
            ended.append(loop.now)

    error = step_of(body, loop, timeout=timeout, retry=0).error()
    assert error["ErrorType"] == "durable_lambda.errors.StepTimeoutError"
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    assert ended == [pytest.approx(seconds)]
    assert f"step 'work' did not end within its timeout of {seconds:g} seconds (attempt 1)" in error["ErrorMessage"]


def test_a_body_that_ends_in_time_is_not_cut_off(loop: JumpingLoop) -> None:
    async def body() -> str:
        await asyncio.sleep(29)
        return "done"

    assert step_of(body, loop, timeout=30).result() == "done"


def test_a_timed_out_attempt_is_tried_again_as_any_failure(loop: JumpingLoop) -> None:
    execution = step_of(forever, loop, timeout=5, retry=Retry.fixed(9, max_attempts=2))
    execution.suspends()
    retry = execution.calls[-1][-1]
    assert retry.action == "RETRY"
    assert retry.error is not None
    assert retry.error.error_type == "durable_lambda.errors.StepTimeoutError"
    execution.elapse()
    assert execution.error()["ErrorType"] == "durable_lambda.errors.StepTimeoutError"
    assert "(attempt 2)" in execution.error()["ErrorMessage"]


def test_retry_on_may_leave_out_a_timeout(loop: JumpingLoop) -> None:
    execution = step_of(forever, loop, timeout=5, retry=Retry(retry_on=ConnectionError))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.StepTimeoutError"


def test_a_timeout_is_the_same_error_on_replay(loop: JumpingLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[Any]:
        with pytest.raises(StepTimeoutError) as raised:
            await ctx.step("work", forever, timeout=5, retry=0)
        error = raised.value
        return [str(error), error.code, error.operation_name, error.operation_id]

    execution = Execution(handler, loop=loop)
    first = execution.result()
    assert first[1:3] == ["STEP_TIMEOUT", "work"]
    assert execution.result() == first
    assert execution.sent == []


def test_a_timeout_error_of_the_body_itself_is_no_step_timeout(loop: JumpingLoop) -> None:
    async def body() -> None:
        raise TimeoutError("of my own")

    error = step_of(body, loop, timeout=30, retry=0).error()
    assert (error["ErrorType"], error["ErrorMessage"]) == ("TimeoutError", "of my own")


def test_a_body_that_answers_its_cancellation_with_a_value_has_still_timed_out(loop: JumpingLoop) -> None:
    async def stubborn() -> str:
        try:
            await forever()
        except asyncio.CancelledError:
            return "too late"
        return ""

    assert step_of(stubborn, loop, timeout=5, retry=0).error()["ErrorType"] == "durable_lambda.errors.StepTimeoutError"


# On a thread


@pytest.fixture
def release() -> Iterator[threading.Event]:
    release = threading.Event()
    yield release
    release.set()


def test_a_def_body_goes_on_and_its_outcome_is_discarded(release: threading.Event) -> None:
    ended = []

    def body() -> str:
        release.wait(10)
        ended.append("body")
        return "too late"

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            return await ctx.step("work", body, timeout=0.01, retry=0)
        except StepTimeoutError:
            assert ended == []
            release.set()
            return "timed out"

    execution = Execution(handler)
    assert execution.result() == "timed out"
    assert execution.operation("work").status == "FAILED"


def test_no_further_attempt_runs_beside_a_def_body(release: threading.Event) -> None:
    running = 0
    most = 0

    def body() -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if not release.is_set():
            release.wait(10)
            running -= 1
            return "too late"
        running -= 1
        return "second attempt"

    async def handler(event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", body, timeout=0.01, retry=Retry.fixed(1))

    execution = Execution(handler)

    def ready_at_once(updates: Any, answer: Any) -> Any:
        if any(update.action == "RETRY" for update in updates):
            execution.elapse()
            answer.new_execution_state.operations[:] = execution.backend.operations.values()
            after_turns(release.set)
        return answer

    execution.backend.answer = ready_at_once
    assert execution.result() == "second attempt"
    assert most == 1


def test_an_invocation_does_not_suspend_while_a_timed_out_body_runs(release: threading.Event) -> None:
    ended = []

    def body() -> None:
        release.wait(10)
        ended.append("body")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body, timeout=0.01, retry=Retry.fixed(60))

    execution = Execution(handler)

    def release_later(updates: Any, answer: Any) -> Any:
        if any(update.action == "RETRY" for update in updates):
            after_turns(release.set)
        return answer

    execution.backend.answer = release_later
    execution.suspends()
    assert ended == ["body"]


def test_a_def_body_that_has_not_begun_is_not_begun_after_its_deadline() -> None:
    """Its thread is busy with other bodies; what waits in the queue can be taken out of it."""
    from durable_lambda.operations.body import MAX_THREADS

    gate = threading.Event()
    begun = []

    async def handler(event: Any, ctx: DurableContext) -> str:
        busy = [ctx.step(f"busy-{number}", gate.wait, 10) for number in range(MAX_THREADS)]
        try:
            await ctx.step("late", begun.append, 1, timeout=0.01, retry=0)
        except StepTimeoutError:
            gate.set()
            await asyncio.gather(*busy)
            return "timed out"
        return "ran"

    assert Execution(handler).result() == "timed out"
    assert begun == []
