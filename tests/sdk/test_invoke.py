"""`invoke`: one START, the outcome from the history, and every way in which it can fail told apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import (
    DurableContext,
    InvokeError,
    InvokeStoppedError,
    InvokeTimeoutError,
)
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.updates import ChainedInvokeOptions, OperationUpdate
from recording import PushingBackend

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"


@dataclass
class Receipt:
    id: str
    on: date


async def charge(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("charge", "payments:live", {"amount": 7})


@pytest.fixture
def charging() -> Execution:
    """An execution that waits for the function that it has invoked."""
    execution = Execution(charge)
    execution.suspends()
    return execution


def end(
    execution: Execution,
    status: wire.OperationStatus,
    result: str | None = None,
    error: wire.ErrorObject | None = None,
) -> None:
    """The function that was invoked has ended."""
    execution.change("charge", status=status, chained_invoke_details=wire.ChainedInvokeDetails(result, error))


def test_one_start_is_sent_and_the_invocation_suspends(charging: Execution) -> None:
    assert charging.calls == [
        [
            OperationUpdate(
                FIRST_ID,
                "CHAINED_INVOKE",
                "START",
                name="charge",
                sub_type="ChainedInvoke",
                payload='{"amount":7}',
                chained_invoke_options=ChainedInvokeOptions("payments:live"),
            )
        ]
    ]


def test_while_the_function_runs_a_replay_suspends_again_and_sends_nothing(charging: Execution) -> None:
    charging.suspends()
    assert charging.calls == []


def test_a_replay_does_not_write_the_payload_again(charging: Execution) -> None:
    async def unwritable(event: Any, ctx: DurableContext) -> Any:
        return await ctx.invoke("charge", "payments:live", object())

    charging.suspends(unwritable)
    end(charging, "SUCCEEDED", "1")
    assert charging.result() == 1


def test_the_suspension_tells_the_operation_and_the_function(charging: Execution) -> None:
    seen = []

    async def watch(event: Any, ctx: DurableContext) -> Any:
        try:
            return await ctx.invoke("charge", "payments:live")
        except asyncio.CancelledError as cancelled:
            seen.append(str(cancelled))
            raise

    charging.suspends(watch)
    assert seen == ["invoke suspended for operation 'charge' (function: payments:live)"]


def test_a_result_is_replayed_without_a_call(charging: Execution) -> None:
    end(charging, "SUCCEEDED", '{"paid": 7}')
    assert charging.result() == {"paid": 7}
    assert charging.result() == {"paid": 7}
    assert charging.calls == []


@pytest.mark.parametrize("result", [None, "", "null"])
def test_a_function_that_returned_nothing_gives_none(charging: Execution, result: str | None) -> None:
    end(charging, "SUCCEEDED", result)
    assert charging.result() is None


def test_a_result_is_decoded_into_the_type_that_is_asked_for(charging: Execution) -> None:
    seen = []

    async def typed(event: Any, ctx: DurableContext) -> None:
        seen.append(await ctx.invoke("charge", "payments:live", result_type=Receipt))

    end(charging, "SUCCEEDED", '{"id": "r-1", "on": "2026-11-24"}')
    charging.result(typed)
    assert seen == [Receipt("r-1", date(2026, 11, 24))]


@pytest.mark.parametrize("result", ["not JSON", '{"id": 1}', "null"])
def test_a_result_that_does_not_fit_is_told_with_the_function(charging: Execution, result: str) -> None:
    async def typed(event: Any, ctx: DurableContext) -> Any:
        return await ctx.invoke("charge", "payments:live", result_type=Receipt)

    end(charging, "SUCCEEDED", result)
    error = charging.error(typed)
    assert error["ErrorType"] == "durable_lambda.errors.DeserializationError"
    assert "the result of invoke 'charge' (function: payments:live)" in error["ErrorMessage"]
    assert "Receipt" in error["ErrorMessage"]


async def caught(event: Any, ctx: DurableContext) -> list[Any]:
    """The failure as user code sees it."""
    with pytest.raises(InvokeError) as failure:
        await ctx.invoke("charge", "payments:live")
    error = failure.value
    assert error.code == "INVOKE_FAILED"
    assert error.operation_name == "charge"
    assert error.operation_id == FIRST_ID
    details = [error.error_type, error.error_message, error.error_data, error.stack_trace]
    return [type(error).__name__, str(error), *details]


PREFIX = "invoke failed for operation 'charge' (function: payments:live): "


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        ("FAILED", InvokeError),
        ("TIMED_OUT", InvokeTimeoutError),
        ("STOPPED", InvokeStoppedError),
        ("CANCELLED", InvokeError),
    ],
)
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (wire.ErrorObject("app.Declined", "no funds", "{}", ["line"]), "app.Declined: no funds"),
        (wire.ErrorObject("app.Declined", None, '{"limit": 5}'), 'app.Declined: {"limit": 5}'),
        (wire.ErrorObject("app.Declined"), "app.Declined"),
        (wire.ErrorObject(error_message="no funds"), "no funds"),
        (wire.ErrorObject("ValueError", "no funds"), "ValueError: no funds"),
        (wire.ErrorObject("AssertionError", "", '{"args":[]}'), "AssertionError"),
        (wire.ErrorObject(), None),
        (None, None),
    ],
)
def test_each_failure_has_its_class_and_says_what_is_known(
    charging: Execution,
    status: wire.OperationStatus,
    cls: type[InvokeError],
    error: wire.ErrorObject | None,
    text: str | None,
) -> None:
    end(charging, status, error=error)
    name, message, *details = charging.result(caught)
    assert name == cls.__name__
    assert message == PREFIX + (text or status)
    known = error or wire.ErrorObject()
    assert details == [known.error_type, known.error_message, known.error_data, known.stack_trace]
    assert charging.calls == []


def test_an_uncaught_failure_is_the_executions(charging: Execution) -> None:
    end(charging, "STOPPED", error=wire.ErrorObject("Operator", "not today"))
    error = charging.error()
    assert error["ErrorType"] == "durable_lambda.errors.InvokeStoppedError"
    assert error["ErrorMessage"] == f"{PREFIX}Operator: not today"


def test_a_failure_in_the_answer_to_the_start_is_raised_at_once() -> None:
    execution = Execution(caught)

    def refuse(updates: list[OperationUpdate], answer: Any) -> Any:
        details = wire.ChainedInvokeDetails(None, wire.ErrorObject("ResourceNotFoundException", "Function not found"))
        execution.change("charge", status="FAILED", chained_invoke_details=details)
        answer.new_execution_state.operations = list(execution.backend.operations.values())
        return answer

    execution.backend.answer = refuse
    name, message, *_ = execution.result()
    assert (name, message) == ("InvokeError", f"{PREFIX}ResourceNotFoundException: Function not found")
    assert len(execution.calls) == 1


def test_a_result_is_pushed_to_an_invocation_that_runs() -> None:
    backend = PushingBackend()

    async def beside_a_step(event: Any, ctx: DurableContext) -> Any:
        answered = asyncio.Event()

        async def work() -> None:
            after_turns(lambda: (end(execution, "SUCCEEDED", "5"), backend.push(execution.operation("charge"))))
            await answered.wait()

        step = ctx.step("work", work)
        result = await ctx.invoke("charge", "payments:live")
        answered.set()
        await step
        return result

    execution = Execution(beside_a_step, backend=backend)
    assert execution.result() == 5


def test_another_operation_in_its_place_is_told() -> None:
    async def wait(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("charge", 5)

    execution = Execution(charge)
    execution.suspends()
    error = execution.error(wait)
    assert error["ErrorType"] == "durable_lambda.errors.NonDeterministicExecutionError"
    assert "ChainedInvoke" in error["ErrorMessage"]


def test_an_invoke_may_be_awaited_later_than_it_was_started() -> None:
    async def later(event: Any, ctx: DurableContext) -> Any:
        invoked = ctx.invoke("charge", "payments:live")
        await ctx.wait("a while", 5)
        return await invoked

    execution = Execution(later)
    execution.suspends()
    execution.elapse()
    execution.suspends()
    assert execution.calls == []
    end(execution, "SUCCEEDED", "5")
    assert execution.result() == 5
