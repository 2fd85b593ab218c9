"""`create_callback`: the first phase makes a callback, gives its id, and never waits or fails for its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    DurableContext,
)
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import CallbackOptions, OperationUpdate

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
CALLBACK_ID = "cb-1ced8f5b"


async def ask(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval", timeout=300)
    return await ctx.callback_result(approval)


@pytest.fixture
def asked() -> Execution:
    """An execution that waits for its answer."""
    execution = Execution(ask)
    execution.suspends()
    return execution


def test_creating_sends_one_start_in_one_call(asked: Execution) -> None:
    assert asked.calls == [
        [
            OperationUpdate(
                FIRST_ID,
                "CALLBACK",
                "START",
                name="approval",
                sub_type="Callback",
                callback_options=CallbackOptions(timeout_seconds=300, heartbeat_timeout_seconds=0),
            )
        ]
    ]


def test_creating_sends_both_timers() -> None:
    async def heartbeats(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval", timeout=timedelta(days=3), heartbeat_timeout=timedelta(minutes=1))

    execution = Execution(heartbeats)
    execution.result()
    assert execution.calls[0][0].callback_options == CallbackOptions(259_200, 60)


def test_creating_without_timers_sends_zeros() -> None:
    async def forever(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval")

    execution = Execution(forever)
    execution.result()
    assert execution.calls[0][0].callback_options == CallbackOptions(0, 0)


def test_creating_gives_the_id_of_the_service_and_does_not_suspend() -> None:
    async def create(event: Any, ctx: DurableContext) -> list[str]:
        approval = await ctx.create_callback("approval")
        return [approval.callback_id, approval.operation_id]

    assert Execution(create).result() == [CALLBACK_ID, FIRST_ID]


def test_replay_takes_the_id_from_history_with_no_call() -> None:
    async def create(event: Any, ctx: DurableContext) -> str:
        return (await ctx.create_callback("approval", timeout=300)).callback_id

    execution = Execution(create)
    execution.result()
    assert execution.result() == CALLBACK_ID
    assert execution.calls == []


def test_replay_consumes_the_callbacks_number(asked: Execution) -> None:
    async def ask_and_step(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval", timeout=300)
        await ctx.callback_result(approval)
        return await ctx.step("after", lambda: "second")

    asked.answer("approval")
    assert asked.result(ask_and_step) == "second"
    assert asked.operation("after").id != FIRST_ID


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "CANCELLED", "STOPPED"])
def test_creating_does_not_fail_because_the_callback_did(asked: Execution, status: wire.OperationStatus) -> None:
    reached = []

    async def code_between(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval", timeout=300)
        reached.append(approval.callback_id)
        return await ctx.callback_result(approval)

    asked.complete("approval", status)
    asked.error(code_between)
    assert reached == [CALLBACK_ID]


def test_a_history_without_a_callback_id_is_an_error_of_the_await() -> None:
    execution = Execution(ask)
    execution.suspends()
    execution.change("approval", callback_details=None)

    async def ask_later(event: Any, ctx: DurableContext) -> None:
        operation = ctx.create_callback("approval", timeout=300)
        with pytest.raises(Exception, match="no callback id"):
            await operation

    execution.result(ask_later)


def test_a_history_without_a_callback_id_names_the_operation(asked: Execution) -> None:
    asked.change("approval", callback_details=wire.CallbackDetails())
    error = asked.error()
    assert error["ErrorType"] == "durable_lambda.errors.CheckpointError"
    assert "'approval'" in error["ErrorMessage"]
    assert FIRST_ID in error["ErrorMessage"]


def test_a_response_without_a_callback_id_fails_the_execution() -> None:
    execution = Execution(ask)
    execution.backend.answer = lambda _, answer: CheckpointResponse(answer.checkpoint_token)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.CheckpointError"
    assert "no callback id for create_callback 'approval'" in error["ErrorMessage"]


def test_a_response_without_a_token_ends_the_invocation_with_the_callback_stored() -> None:
    reached = []

    async def create(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval")
        reached.append("code after the revocation")

    execution = Execution(create)
    execution.backend.answer = lambda _, answer: CheckpointResponse(None, answer.new_execution_state)
    execution.suspends()
    assert reached == []
    assert execution.operation("approval").status == "STARTED"


@pytest.mark.parametrize("option", ["timeout", "heartbeat_timeout"])
@pytest.mark.parametrize(
    "duration",
    [0, -1, 100_000_000, timedelta(seconds=1.5), timedelta(0), timedelta(days=-1), True, 2.0, "300", float("nan")],
    ids=repr,
)
def test_a_timer_out_of_bounds_is_refused_before_anything_is_sent(option: str, duration: Any) -> None:
    async def create(event: Any, ctx: DurableContext) -> None:
        ctx.create_callback("approval", **{option: duration})

    execution = Execution(create)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert f"{option} of create_callback() must be" in error["ErrorMessage"]
    assert execution.calls == []


def test_a_timer_out_of_bounds_is_told_with_the_bounds() -> None:
    async def create(event: Any, ctx: DurableContext) -> None:
        ctx.create_callback("approval", timeout=100_000_000)

    assert "from 1 to 99999999 seconds, not 100000000" in Execution(create).error()["ErrorMessage"]


@pytest.mark.parametrize("duration", [1, 99_999_999, timedelta(seconds=99_999_999)], ids=repr)
def test_a_timer_at_its_bounds_is_taken(duration: Any) -> None:
    async def create(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval", timeout=duration, heartbeat_timeout=duration)

    Execution(create).result()
