"""Tokens, invocations and their ends: what the service makes of them, without any I/O."""

from __future__ import annotations

import pytest

from durable_lambda.engine.machine.limits import Limits
from durable_lambda.protocol.errors import CallbackTimeoutException, InvalidParameterValueException
from durable_lambda.protocol.operations import ErrorObject
from service import (
    Service,
    callback_id_in,
    retry_step,
    start_callback,
    start_step,
    start_wait,
    succeed_step,
)
from wire import assert_matches

ERROR = ErrorObject("RuntimeError", "lost")


@pytest.fixture
def service():
    service = Service()
    yield service
    service.check_wire()


def test_the_event_of_an_invocation_begins_with_the_execution(service):
    event = service.invoke()
    assert_matches("DurableExecutionArn", event.durable_execution_arn)
    assert_matches("CheckpointToken", event.checkpoint_token)
    (root,) = event.initial_execution_state.operations
    assert root.id == event.durable_execution_arn.rpartition("/")[2]
    assert root.name == "order-1"
    assert root.execution_details.input_payload == '{"a":1}'


def test_a_token_is_used_once(service):
    token = service.invoke().checkpoint_token
    service.checkpoint(start_step())
    with pytest.raises(InvalidParameterValueException) as refusal:
        service.checkpoint(succeed_step(), token=token)
    assert refusal.value.message == "Invalid checkpoint token"
    assert service.operation("s").status == "STARTED"


def test_the_same_request_sent_again_gets_the_same_answer_and_changes_nothing(service):
    token = service.invoke().checkpoint_token
    first = service.checkpoint(start_step(), client_token="once")
    entries = len(service.entries)
    again = service.checkpoint(start_step(), token=token, client_token="once")
    assert again is first
    assert len(service.entries) == entries
    with pytest.raises(InvalidParameterValueException):
        service.checkpoint(start_step(), token=token, client_token="another")


def test_a_new_invocation_voids_the_tokens_of_the_last(service):
    old = service.invoke().checkpoint_token
    service.fail(ERROR)
    service.invoke()
    with pytest.raises(InvalidParameterValueException, match=r"^Invalid checkpoint token$"):
        service.checkpoint(start_step(), token=old)


def test_a_token_of_another_execution_is_told_apart(service):
    service.invoke()
    service.state.ids._prefix = bytes(16)
    foreign = service.state.ids.next_token()
    with pytest.raises(InvalidParameterValueException) as refusal:
        service.checkpoint(start_step(), token=foreign)
    assert refusal.value.message == "Checkpoint token is not valid for the durable execution ARN"


def test_success_is_told_after_the_end_of_the_invocation(service):
    service.invoke()
    service.checkpoint(succeed_step())
    service.answer("SUCCEEDED", result='"done"')
    assert service.event_types()[-2:] == ["InvocationCompleted", "ExecutionSucceeded"]
    assert service.state.ended.result == '"done"'


def test_failure_is_final(service):
    service.invoke()
    service.answer("FAILED", error=ERROR)
    assert service.state.status == "FAILED"
    assert service.state.resume_at is None


@pytest.mark.parametrize(
    ("message", "output"),
    [
        ("Invalid Status in invocation output.", {"status": "DONE"}),
        ("Cannot provide a Result for FAILED status.", {"status": "FAILED", "result": "1"}),
        ("Cannot provide an Error for SUCCEEDED status.", {"status": "SUCCEEDED", "error": ERROR}),
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_execution(service, message, output):
    service.invoke()
    service.answer(**output)
    assert service.state.ended.error == ErrorObject("InvalidParameterValueException", message)


def test_pending_with_a_wait_sleeps_until_it_ends_and_the_end_of_the_invocation_is_told_first(service):
    service.invoke()
    service.checkpoint(start_wait())
    service.answer("PENDING")
    assert service.state.resume_at is None
    service.pass_time(60)
    assert service.state.resume_at == service.now
    assert service.event_types()[-3:] == ["WaitStarted", "InvocationCompleted", "WaitSucceeded"]
    assert service.invoke().updated_operation_ids == ["w"]


def test_pending_with_changes_that_the_function_has_not_seen_invokes_again_at_once(service):
    service.invoke()
    callback_id = callback_id_in(service.checkpoint(start_callback()))
    service.succeed_callback(callback_id)
    service.answer("PENDING")
    assert service.state.resume_at == service.now


def test_pending_with_nothing_pending_is_tried_three_times_and_then_fails(service):
    for attempt in range(3):
        assert service.state.is_running, attempt
        assert service.state.resume_at == service.now
        service.invoke()
        service.answer("PENDING")
    assert service.state.ended.error.error_message == "Cannot return PENDING status with no pending operations."


def test_a_ready_step_that_is_left_alone_does_not_spin_for_ever(service):
    service.invoke()
    service.checkpoint(start_wait(seconds=1000), start_step(), retry_step(delay=1))
    service.answer("PENDING")
    service.pass_time(1)
    for _ in range(3):
        assert service.state.resume_at == service.now
        service.invoke()
        service.answer("PENDING")
    assert service.state.resume_at is None
    assert service.state.is_running


def test_a_failed_invocation_is_tried_again_later_and_later(service):
    delays = []
    for _ in range(4):
        service.invoke()
        service.fail(ERROR)
        delays.append((service.state.resume_at - service.now) // 1000)
        service.now = service.state.resume_at
    assert delays == [5, 10, 20, 40]
    service.invoke()
    service.fail(ERROR)
    assert service.state.ended.error == ERROR
    assert service.event_types()[-2:] == ["InvocationCompleted", "ExecutionFailed"]


def test_an_invocation_that_answers_ends_a_row_of_failures(service):
    for _ in range(10):
        service.invoke()
        service.fail(ERROR)
        service.now = service.state.resume_at
        service.invoke()
        service.checkpoint(*([] if "w" in service.state.operations else [start_wait(seconds=86_000)]))
        service.answer("PENDING")
    assert service.state.is_running


def test_nothing_wakes_a_function_during_the_delay_after_a_failure(service):
    service.invoke()
    service.checkpoint(start_wait(seconds=1))
    service.fail(ERROR)
    resume_at = service.state.resume_at
    service.pass_time(1)
    assert service.state.resume_at == resume_at


def test_a_crash_of_the_engine_is_told_if_the_invocation_had_stored_something(service):
    service.invoke()
    service.checkpoint(start_step())
    service.crash()
    completed = service.history()[-1]
    assert completed.event_type == "InvocationCompleted"
    assert completed.details.request_id == "request-1"
    assert completed.details.error.payload.error_type == "Runtime.ExitError"
    assert service.state.resume_at == service.now
    assert service.state.failures == 0


def test_a_crash_before_anything_was_stored_leaves_no_trace(service):
    service.invoke()
    service.crash()
    assert service.event_types() == ["ExecutionStarted"]
    assert service.state.resume_at is not None


def test_an_execution_runs_out_of_time_whatever_it_does():
    service = Service(execution_timeout=10)
    service.invoke()
    callback_id = callback_id_in(service.checkpoint(start_callback(), start_wait(seconds=10)))
    service.pass_time(10)
    assert service.state.status == "TIMED_OUT"
    assert service.event_types()[-1] == "ExecutionTimedOut"
    with pytest.raises(CallbackTimeoutException):
        service.succeed_callback(callback_id)
    service.check_wire()


def test_a_stopped_execution_keeps_its_reason_and_is_stopped_once(service):
    service.invoke()
    service.stop(ErrorObject("Operator", "enough"))
    service.stop(ErrorObject("Operator", "again"))
    assert service.state.ended.error.error_message == "enough"
    assert service.event_types().count("ExecutionStopped") == 1


def test_limits_of_failures_are_adjustable():
    service = Service(limits=Limits(failed_invocations=1))
    service.invoke()
    service.fail(ERROR)
    assert service.state.status == "FAILED"
