"""`callback_result`: the second phase reads the answer, which is a value, a failure, or nothing yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    CallbackError,
    CallbackExternalError,
    CallbackTimeoutError,
    DurableContext,
)
from durable_lambda.protocol import operations as wire

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
CALLBACK_ID = "cb-1ced8f5b"


@dataclass
class Decision:
    status: str
    approver: str


async def ask(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval", timeout=300)
    return await ctx.callback_result(approval)


@pytest.fixture
def asked() -> Execution:
    """An execution that waits for its answer."""
    execution = Execution(ask)
    execution.suspends()
    return execution


def test_a_started_callback_suspends_with_nothing_but_the_status(asked: Execution) -> None:
    assert asked.run() == {"Status": "PENDING"}
    assert asked.calls == []


def test_the_suspension_tells_the_operation_and_the_callback(asked: Execution) -> None:
    seen = []

    async def watch(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval", timeout=300)
        try:
            return await ctx.callback_result(approval)
        except asyncio.CancelledError as cancelled:
            seen.append(str(cancelled))
            raise

    asked.suspends(watch)
    assert seen == [f"callback suspended for operation 'approval' (callback_id: {CALLBACK_ID})"]


def test_a_success_is_decoded(asked: Execution) -> None:
    asked.complete("approval", "SUCCEEDED", result='{"status": "approved", "approver": "alice"}')
    assert asked.result() == {"status": "approved", "approver": "alice"}
    assert asked.calls == []


def test_a_success_is_decoded_into_the_type_that_is_asked_for(asked: Execution) -> None:
    seen = []

    async def decide(event: Any, ctx: DurableContext) -> None:
        approval = await ctx.create_callback("approval", timeout=300)
        seen.append(await ctx.callback_result(approval, Decision))

    asked.complete("approval", "SUCCEEDED", result='{"status": "approved", "approver": "alice"}')
    asked.result(decide)
    assert seen == [Decision("approved", "alice")]


def test_a_success_without_a_result_is_none(asked: Execution) -> None:
    asked.complete("approval", "SUCCEEDED")
    assert asked.result() is None


@pytest.mark.parametrize("text", ['{"status": 1}', "not JSON", "", '{"status": "approved", "approver": "alice"}'])
def test_raw_gives_the_string_itself(asked: Execution, text: str) -> None:
    async def raw(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval", timeout=300)
        return await ctx.callback_result(approval, raw=True)

    asked.complete("approval", "SUCCEEDED", result=text)
    assert asked.result(raw) == text


@pytest.mark.parametrize("text", ["not JSON", "", '{"status": 1, "approver": "alice"}', '{"status": "approved"}'])
def test_a_result_that_does_not_fit_is_told_with_the_callback(asked: Execution, text: str) -> None:
    async def decide(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval", timeout=300)
        return await ctx.callback_result(approval, Decision)

    asked.complete("approval", "SUCCEEDED", result=text)
    error = asked.error(decide)
    assert error["ErrorType"] == "durable_lambda.errors.DeserializationError"
    assert f"callback 'approval' (callback_id: {CALLBACK_ID})" in error["ErrorMessage"]
    assert "Decision" in error["ErrorMessage"]


async def caught(event: Any, ctx: DurableContext) -> list[Any]:
    """The failure as user code sees it."""
    approval = await ctx.create_callback("approval", timeout=300)
    with pytest.raises(CallbackError) as failure:
        await ctx.callback_result(approval)
    error = failure.value
    assert error.operation_name == "approval"
    assert error.operation_id == FIRST_ID
    assert error.callback_id == CALLBACK_ID
    assert error.code == "CALLBACK_FAILED"
    details = [error.error_type, error.error_message, error.error_data, error.stack_trace]
    return [type(error).__name__, str(error), *details]


PREFIX = f"callback failed for operation 'approval' (callback_id: {CALLBACK_ID}): "


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (wire.ErrorObject("Declined", "too dear", "{}", ["line"]), "Declined: too dear"),
        (wire.ErrorObject("Declined", None, '{"limit": 5}'), 'Declined: {"limit": 5}'),
        (wire.ErrorObject("Declined"), "Declined"),
        (wire.ErrorObject(error_message="too dear"), "too dear"),
        (wire.ErrorObject(error_data='{"limit": 5}'), '{"limit": 5}'),
        (wire.ErrorObject(), "FAILED"),
        (None, "FAILED"),
    ],
)
def test_a_failure_says_what_is_known(asked: Execution, error: wire.ErrorObject | None, text: str) -> None:
    asked.complete("approval", "FAILED", error=error)
    name, message, *details = asked.result(caught)
    assert name == "CallbackExternalError"
    assert message == PREFIX + text
    told = error or wire.ErrorObject()
    assert details == [told.error_type, told.error_message, told.error_data, told.stack_trace]


def test_a_time_out_is_an_error_of_its_own(asked: Execution) -> None:
    asked.complete("approval", "TIMED_OUT", error=wire.ErrorObject("Callback.Timeout"))
    name, message, *_ = asked.result(caught)
    assert name == CallbackTimeoutError.__name__
    assert message == PREFIX + "Callback.Timeout"


def test_a_missed_heartbeat_is_a_time_out(asked: Execution) -> None:
    asked.complete("approval", "TIMED_OUT", error=wire.ErrorObject("Callback.Heartbeat"))
    name, message, *_ = asked.result(caught)
    assert name == CallbackTimeoutError.__name__
    assert message == PREFIX + "Callback.Heartbeat"


def test_a_time_out_without_an_error_says_so(asked: Execution) -> None:
    asked.complete("approval", "TIMED_OUT")
    name, message, *_ = asked.result(caught)
    assert (name, message) == (CallbackTimeoutError.__name__, PREFIX + "TIMED_OUT")


@pytest.mark.parametrize("status", ["CANCELLED", "STOPPED"])
def test_a_callback_that_was_ended_is_a_callback_error(asked: Execution, status: wire.OperationStatus) -> None:
    asked.complete("approval", status)
    name, message, *_ = asked.result(caught)
    assert (name, message) == ("CallbackError", PREFIX + status)


def test_an_uncaught_failure_fails_the_execution_with_its_type_and_text(asked: Execution) -> None:
    asked.complete("approval", "FAILED", error=wire.ErrorObject("Declined", "too dear"))
    error = asked.error()
    assert error["ErrorType"] == "durable_lambda.errors.CallbackExternalError"
    assert error["ErrorMessage"] == PREFIX + "Declined: too dear"


def test_the_failure_is_raised_by_the_await_not_by_the_call(asked: Execution) -> None:
    async def later(event: Any, ctx: DurableContext) -> str:
        approval = await ctx.create_callback("approval", timeout=300)
        answer = ctx.callback_result(approval)
        with pytest.raises(CallbackExternalError):
            await answer
        return "caught at the await"

    asked.complete("approval", "FAILED")
    assert asked.result(later) == "caught at the await"
