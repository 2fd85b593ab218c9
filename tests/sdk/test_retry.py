"""Attempts: how often a body runs, what is tried again, and when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Retry, StepInterruptedError, ValidationError, current_step


class Flaky:
    """A body that fails its first attempts."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.keys: list[str] = []
        self.attempts: list[int] = []

    async def __call__(self) -> str:
        self.attempts.append(current_step().attempt)
        self.keys.append(current_step().idempotency_key)
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def step_of(body: Any, **options: Any) -> Execution:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", body, **options)

    return Execution(handler)


def drive(execution: Execution) -> dict[str, Any]:
    """Invoke until the execution ends: its envelope."""
    for _ in range(20):
        envelope = execution.run()
        if envelope["Status"] != "PENDING":
            return envelope
        execution.elapse()
    raise AssertionError("it does not end")


def test_retry_3_runs_a_body_at_most_four_times() -> None:
    body = Flaky(*[ConnectionError("no")] * 10)
    envelope = drive(step_of(body, retry=3))
    assert envelope["Error"]["ErrorType"] == "ConnectionError"
    assert body.attempts == [1, 2, 3, 4]


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_retry_3_ends_with_the_first_success(failures: int) -> None:
    body = Flaky(*[ConnectionError("no")] * failures)
    assert drive(step_of(body, retry=3))["Result"] == "done"
    assert body.attempts == list(range(1, failures + 2))


def test_retry_0_runs_a_body_once() -> None:
    body = Flaky(ConnectionError("no"))
    assert drive(step_of(body, retry=0))["Status"] == "FAILED"
    assert body.attempts == [1]


def test_none_runs_a_body_once() -> None:
    body = Flaky(ConnectionError("no"))
    assert drive(step_of(body, retry=Retry.none()))["Status"] == "FAILED"
    assert body.attempts == [1]


def test_the_default_is_six_attempts() -> None:
    body = Flaky(*[ConnectionError("no")] * 10)
    assert drive(step_of(body))["Status"] == "FAILED"
    assert body.attempts == [1, 2, 3, 4, 5, 6]


def test_a_failed_attempt_is_one_call_and_suspends() -> None:
    execution = step_of(Flaky(ConnectionError("no")), retry=Retry.fixed(7))
    execution.suspends()
    [[start, retry]] = execution.calls
    assert (start.action, retry.action) == ("START", "RETRY")
    assert retry.step_options is not None
    assert retry.step_options.next_attempt_delay_seconds == 7
    assert retry.error is not None
    assert (retry.error.error_type, retry.error.error_message) == ("ConnectionError", "no")


def test_the_suspension_of_a_retry_tells_of_it() -> None:
    seen = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", Flaky(ConnectionError("no")))
        except asyncio.CancelledError as cancelled:
            seen.append(str(cancelled))
            raise

    Execution(handler).suspends()
    assert seen == ["step suspended for operation 'work': its next attempt is scheduled"]


def test_an_attempt_that_is_not_due_is_not_run_early() -> None:
    body = Flaky(ConnectionError("no"))

    async def handler(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval")
        return await asyncio.gather(ctx.step("work", body), ctx.callback_result(approval))

    execution = Execution(handler)
    execution.suspends()
    execution.answer("approval", "yes")
    execution.suspends()
    assert body.attempts == [1]
    assert execution.sent == []
    execution.elapse()
    assert execution.result() == ["done", "yes"]
    assert body.attempts == [1, 2]


def test_an_idempotency_key_is_the_same_for_every_attempt() -> None:
    body = Flaky(*[ConnectionError("no")] * 3)
    drive(step_of(body, retry=3))
    assert len(body.keys) == 4
    assert len(set(body.keys)) == 1


def test_each_attempt_starts_again_on_the_wire() -> None:
    execution = step_of(Flaky(ConnectionError("no")), retry=3)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert [action for _, _, action in execution.sent] == ["START", "SUCCEED"]


def test_a_retry_that_is_ready_in_the_answer_runs_at_once() -> None:
    body = Flaky(ConnectionError("no"))
    execution = step_of(body, retry=3)

    def ready(_: Any, answer: Any) -> Any:
        execution.elapse()
        answer.new_execution_state.operations[:] = execution.backend.operations.values()
        return answer

    execution.backend.answer = ready
    assert execution.result() == "done"
    assert body.attempts == [1, 2]


# What is tried again


@pytest.mark.parametrize(
    "error",
    [
        NameError("name 'x' is not defined"),
        SyntaxError("invalid"),
        ImportError("no module"),
        ModuleNotFoundError("no module"),
        TypeError("f() missing 1 required positional argument: 'a'"),
        TypeError("f() takes 0 positional arguments but 1 was given"),
        TypeError("f() got an unexpected keyword argument 'a'"),
        ValidationError("wrong"),
        StepInterruptedError("interrupted"),
    ],
    ids=repr,
)
def test_a_programming_error_is_not_tried_again_by_default(error: Exception) -> None:
    body = Flaky(error)
    assert drive(step_of(body))["Status"] == "FAILED"
    assert body.attempts == [1]


def test_a_wrong_call_of_the_body_itself_is_not_tried_again() -> None:
    async def takes_one(value: int) -> int:
        return value

    error = drive(step_of(takes_one))["Error"]
    assert error["ErrorType"] == "TypeError"


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), TypeError("unsupported operand"), OSError("no"), AssertionError(), KeyError("k")],
    ids=repr,
)
def test_another_error_is_tried_again_by_default(error: Exception) -> None:
    body = Flaky(error)
    assert drive(step_of(body))["Result"] == "done"
    assert body.attempts == [1, 2]


@pytest.mark.parametrize("named", [ConnectionError, (KeyError, ConnectionError), OSError, Exception])
def test_retry_on_names_types_and_their_subclasses(named: Any) -> None:
    body = Flaky(ConnectionError("no"))
    assert drive(step_of(body, retry=Retry(retry_on=named)))["Result"] == "done"


def test_what_retry_on_does_not_name_is_not_tried_again() -> None:
    body = Flaky(ConnectionError("no"))
    assert drive(step_of(body, retry=Retry(retry_on=(KeyError, ValueError))))["Status"] == "FAILED"
    assert body.attempts == [1]


def test_retry_on_may_name_a_programming_error() -> None:
    body = Flaky(NameError("no"))
    assert drive(step_of(body, retry=Retry(retry_on=NameError)))["Result"] == "done"


def test_retry_on_may_be_a_predicate_of_the_typed_error() -> None:
    body = Flaky(OSError(11, "again"), OSError(2, "missing"))
    envelope = drive(
        step_of(body, retry=Retry(retry_on=lambda error: isinstance(error, OSError) and error.errno == 11))
    )
    assert envelope["Status"] == "FAILED"
    assert body.attempts == [1, 2]


def test_a_predicate_that_raises_fails_the_step_for_good() -> None:
    def broken(error: BaseException) -> bool:
        raise LookupError("the predicate is broken")

    body = Flaky(ConnectionError("no"))
    execution = step_of(body, retry=Retry(retry_on=broken))
    assert execution.error()["ErrorType"] == "LookupError"
    assert execution.operation("work").status == "FAILED"
    assert execution.error()["ErrorType"] == "LookupError"
    assert body.attempts == [1]
