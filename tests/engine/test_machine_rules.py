"""What the service accepts, and in which words it refuses: one execution's checkpoints, without any I/O."""

from __future__ import annotations

import msgspec
import pytest

from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.pages import state_page
from durable_lambda.protocol.errors import (
    CallbackTimeoutException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.protocol.updates import OperationUpdate, StepOptions
from service import (
    Service,
    callback_id_in,
    cancel_wait,
    fail_step,
    retry_step,
    start_callback,
    start_context,
    start_step,
    start_wait,
    succeed_context,
    succeed_step,
)
from wire import assert_matches

ERROR = ErrorObject("ValueError", "no")


@pytest.fixture
def service():
    """An execution whose first invocation is under way. Whatever a test does, it ends in the service's shapes."""
    service = Service()
    service.invoke()
    yield service
    service.check_wire()
    recovered = service.recovered()
    assert recovered.operations == service.state.operations
    assert recovered.status == service.state.status
    assert recovered.blocked == service.state.blocked
    assert recovered.deadlines == service.state.deadlines
    assert recovered.data == service.state.data


REFUSALS = [
    ("Invalid current STEP state to start.", [start_step()], [start_step()]),
    ("Invalid current STEP state to start.", [start_step(), succeed_step()], [start_step()]),
    ("Invalid current STEP state to close.", [start_step(), succeed_step()], [succeed_step()]),
    ("Invalid current STEP state to close.", [start_step(), retry_step()], [fail_step()]),
    ("Invalid current STEP state to re-attempt.", [start_step(), fail_step()], [retry_step()]),
    ("Invalid StepOptions for the given action.", [], [start_step(step_options=StepOptions(1))]),
    ("Invalid StepOptions for the given action.", [], [OperationUpdate("s", "STEP", "RETRY")]),
    (
        "Cannot provide both error and payload to RETRY a STEP.",
        [start_step()],
        [retry_step(payload="1", error=ERROR)],
    ),
    ("Invalid action for the given operation type.", [], [OperationUpdate("s", "STEP", "CANCEL")]),
    ("Cannot start a CONTEXT that already exist.", [start_context()], [start_context()]),
    ("Invalid current CONTEXT state to close.", [], [succeed_context()]),
    ("Invalid current CONTEXT state to close.", [start_context(), succeed_context()], [succeed_context()]),
    ("Invalid action for the given operation type.", [start_context()], [OperationUpdate("c", "CONTEXT", "RETRY")]),
    ("Cannot start a WAIT that already exist.", [start_wait()], [start_wait()]),
    ("Update for WAIT operation requires WaitOptions.", [], [OperationUpdate("w", "WAIT", "START")]),
    ("Cannot cancel a WAIT that does not exist or has already completed.", [], [cancel_wait()]),
    ("Invalid action for the given operation type.", [start_wait()], [OperationUpdate("w", "WAIT", "SUCCEED")]),
    ("Cannot start a CALLBACK that already exist.", [start_callback()], [start_callback()]),
    ("Invalid action for the given operation type.", [], [OperationUpdate("cb", "CALLBACK", "CANCEL")]),
    ("Inconsistent operation type.", [start_step("x")], [start_wait("x")]),
    ("Inconsistent operation subtype.", [start_step(sub_type="Step")], [succeed_step(sub_type="Other")]),
    ("Inconsistent operation name.", [start_step(name="a")], [succeed_step(name="b")]),
    ("Inconsistent parent operation id.", [start_context(), start_step(parent_id="c")], [succeed_step(parent_id="d")]),
    ("Invalid parent operation id.", [], [start_step(parent_id="nobody")]),
    ("Invalid parent operation id.", [start_step("p")], [start_step(parent_id="p")]),
    ("Cannot provide a Payload for FAIL action.", [start_step()], [fail_step(payload="1")]),
    ("Cannot provide an Error for SUCCEED action.", [start_step()], [succeed_step(error=ERROR)]),
    ("Cannot update the same operation twice in a single request.", [], [start_wait(), cancel_wait()]),
    ("Cannot update the same operation twice in a single request.", [], [start_step(), retry_step(), start_step()]),
    (
        "Cannot checkpoint multiple EXECUTION updates.",
        [],
        [OperationUpdate("a", "EXECUTION", "SUCCEED"), OperationUpdate("b", "EXECUTION", "SUCCEED")],
    ),
    ("EXECUTION checkpoint must be the last update.", [], [OperationUpdate("a", "EXECUTION", "SUCCEED"), start_step()]),
    ("Invalid action for the given operation type.", [], [OperationUpdate("a", "EXECUTION", "START")]),
    (
        "1 validation error detected: Value '0' at 'waitOptions.waitSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
        [],
        [start_wait(seconds=0)],
    ),
    (
        "1 validation error detected: Value 'a b' at 'updates.member.id' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
        [],
        [start_step("a b")],
    ),
]


@pytest.mark.parametrize(("message", "before", "updates"), REFUSALS)
def test_an_illegal_update_is_refused_in_the_services_words_and_nothing_of_its_batch_is_stored(
    service, message, before, updates
):
    for update in before:
        service.checkpoint(update)
    operations = dict(service.state.operations)
    entries = len(service.entries)
    with pytest.raises(InvalidParameterValueException) as refusal:
        service.checkpoint(start_step("innocent"), *updates)
    assert refusal.value.message == message
    assert service.state.operations == operations
    assert len(service.entries) == entries
    service.checkpoint(start_step("next"))  # the token was not spent


def test_a_step_starts_and_succeeds_in_one_batch(service):
    answer = service.checkpoint(start_step(name="charge", sub_type="Step"), succeed_step(payload='"paid"'))
    (operation,) = answer.new_execution_state.operations
    assert operation.status == "SUCCEEDED"
    assert operation.name == "charge"
    assert operation.step_details.result == '"paid"'
    assert operation.step_details.attempt == 1
    assert service.event_types() == ["ExecutionStarted", "StepStarted", "StepSucceeded"]
    assert service.history()[2].details.retry_details.current_attempt == 1


def test_a_step_that_never_started_is_started_by_its_end(service):
    service.checkpoint(succeed_step())
    assert service.event_types() == ["ExecutionStarted", "StepStarted", "StepSucceeded"]


def test_a_retried_step_is_pending_until_its_delay_is_over_and_ready_without_an_event(service):
    answer = service.checkpoint(start_step(), retry_step(delay=5, error=ERROR))
    (operation,) = answer.new_execution_state.operations
    assert operation.status == "PENDING"
    assert operation.step_details.next_attempt_timestamp == service.now + 5000
    service.pass_time(4.9)
    assert service.operation("s").status == "PENDING"
    service.pass_time(0.1)
    assert service.operation("s").status == "READY"
    assert service.operation("s").step_details.next_attempt_timestamp is None
    service.checkpoint(start_step())
    service.checkpoint(succeed_step())
    assert service.operation("s").step_details.attempt == 2
    assert service.event_types()[1:] == ["StepStarted", "StepFailed", "StepStarted", "StepSucceeded"]
    assert service.history()[2].details.retry_details.next_attempt_delay_seconds == 5


def test_a_retry_with_a_payload_is_told_as_success_and_keeps_the_state_for_the_next_attempt(service):
    service.checkpoint(start_step(), retry_step(payload='{"polls":1}'))
    service.pass_time(5)
    service.checkpoint(start_step())
    assert service.operation("s").step_details.result == '{"polls":1}'
    assert service.event_types()[1:] == ["StepStarted", "StepSucceeded", "StepStarted"]


def test_an_empty_checkpoint_sees_what_became_due(service):
    service.checkpoint(start_wait(seconds=60))
    service.now += 60_000
    (operation,) = service.checkpoint().new_execution_state.operations
    assert operation.status == "SUCCEEDED"
    assert service.checkpoint().new_execution_state.operations == []


def test_a_cancelled_wait_never_ends_otherwise(service):
    service.checkpoint(start_wait())
    service.checkpoint(cancel_wait())
    service.pass_time(1000)
    assert service.operation("w").status == "CANCELLED"
    assert service.event_types()[-1] == "WaitCancelled"


def test_a_callback_id_is_of_the_services_form_and_leads_to_its_callback(service):
    callback_id = callback_id_in(service.checkpoint(start_callback()))
    assert_matches("CallbackId", callback_id)
    service.succeed_callback(callback_id, '"yes"')
    assert service.operation("cb").callback_details.result == '"yes"'
    with pytest.raises(CallbackTimeoutException, match="either timed out or already completed"):
        service.fail_callback(callback_id, ERROR)


def test_an_id_that_was_never_given_is_refused(service):
    service.checkpoint(start_callback())
    with pytest.raises(ResourceNotFoundException, match="Invalid callback id"):
        service.succeed_callback(service.state.ids.callback_id())


def test_a_callback_times_out_and_tells_why(service):
    service.checkpoint(start_callback(timeout=10))
    service.pass_time(10)
    assert service.operation("cb").status == "TIMED_OUT"
    assert service.operation("cb").callback_details.error == ErrorObject("Callback.Timeout", "Callback timed out")


def test_the_event_of_a_time_out_has_its_type_alone(service):
    service.checkpoint(start_callback(timeout=10))
    service.pass_time(10)
    (timed_out,) = (event for event in service.history() if event.event_type == "CallbackTimedOut")
    assert timed_out.details.error.payload == ErrorObject("Callback.Timeout")


def test_a_heartbeat_puts_off_its_own_timer_only(service):
    callback_id = callback_id_in(service.checkpoint(start_callback(timeout=30, heartbeat=10)))
    for _ in range(3):
        service.pass_time(9)
        service.beat(callback_id)
    assert service.operation("cb").status == "STARTED"
    service.pass_time(3)
    assert service.operation("cb").callback_details.error == ErrorObject("Callback.Timeout", "Callback timed out")


def test_a_missed_heartbeat_times_a_callback_out(service):
    service.checkpoint(start_callback(timeout=30, heartbeat=10))
    service.pass_time(10)
    missed = ErrorObject("Callback.Heartbeat", "Callback timed out on heartbeat")
    assert service.operation("cb").callback_details.error == missed


def test_a_callback_whose_two_timers_end_together_times_out_once(service):
    service.checkpoint(start_callback(timeout=20, heartbeat=10))
    service.pass_time(9)
    service.beat(next(iter(service.state.callbacks)))
    service.pass_time(11)
    assert service.event_types().count("CallbackTimedOut") == 1


def test_a_batch_may_start_a_context_and_work_in_it(service):
    service.checkpoint(start_context(), start_step(parent_id="c"), succeed_step(), succeed_context())
    assert [event.parent_id for event in service.history()[1:]] == [None, "c", "c", None]


def test_an_update_may_leave_out_what_is_known(service):
    service.checkpoint(start_context(name="ctx"))
    service.checkpoint(start_step(name="n", sub_type="Step", parent_id="c"))
    service.checkpoint(succeed_step())
    operation = service.operation("s")
    assert (operation.name, operation.sub_type, operation.parent_id) == ("n", "Step", "c")


def test_payloads_have_their_limits_in_bytes():
    service = Service(limits=Limits(operation_payload=8, error_object=8, execution_payload=8))
    service.invoke()
    service.checkpoint(start_step())
    service.checkpoint(start_step("t"), succeed_step("t", payload="12345678"))
    with pytest.raises(
        InvalidParameterValueException, match="STEP output payload size must be less than or equal to 8"
    ):
        service.checkpoint(succeed_step(payload="äöüäö"))
    with pytest.raises(InvalidParameterValueException, match="Error object size must be less than 8 bytes"):
        service.checkpoint(fail_step(error=ErrorObject("ValueError", "no")))
    with pytest.raises(InvalidParameterValueException, match="Execution output payload size"):
        service.checkpoint(OperationUpdate("x", "EXECUTION", "SUCCEED", payload="123456789"))


def test_one_operation_too_many_fails_the_execution_and_answers_without_a_token():
    service = Service(limits=Limits(operations=2))
    service.invoke()
    service.checkpoint(start_step("a"), start_step("b"))
    answer = service.checkpoint(start_step("c"))
    assert answer.checkpoint_token is None
    assert service.state.status == "FAILED"
    assert "c" not in service.state.operations
    assert service.event_types()[-2:] == ["InvocationCompleted", "ExecutionFailed"]


def test_too_much_data_fails_the_execution():
    service = Service(limits=Limits(execution_data=20))
    service.invoke()
    assert service.checkpoint(start_step(), succeed_step(payload="1" * 14)).checkpoint_token is None
    assert service.state.ended.error.error_type == "QuotaExceeded"


def test_an_execution_update_ends_the_execution_after_its_invocation(service):
    answer = service.checkpoint(
        succeed_step(), OperationUpdate("execution-result-1", "EXECUTION", "SUCCEED", payload="2")
    )
    assert answer.checkpoint_token is None
    assert service.state.status == "SUCCEEDED"
    assert service.state.ended.result == "2"
    assert service.event_types()[-2:] == ["InvocationCompleted", "ExecutionSucceeded"]
    assert service.history()[-1].id == service.state.id
    assert service.history()[-1].name == "order-1"


def test_state_comes_in_pages_in_the_order_of_starting(service):
    service.checkpoint(*(start_step(f"s{number}") for number in range(5)))
    first = state_page(service.state, "", 4, 1_000_000)
    second = state_page(service.state, first.next_marker, 4, 1_000_000)
    names = [operation.id for operation in (*first.operations, *second.operations)]
    assert names == [service.state.id, "s0", "s1", "s2", "s3", "s4"]
    assert second.next_marker is None
    assert_matches("GetDurableExecutionStateResponse", msgspec.to_builtins(first))


def test_a_page_is_bounded_in_bytes_but_never_empty(service):
    service.checkpoint(succeed_step("a", payload="1" * 100), succeed_step("b", payload="1" * 100))
    first = state_page(service.state, "", 0, 50)
    assert [operation.id for operation in first.operations] == [service.state.id]
    second = state_page(service.state, first.next_marker, 0, 50)
    assert [operation.id for operation in second.operations] == ["a"]


def test_what_is_in_a_completed_context_is_left_out_unless_it_is_replayed(service):
    service.checkpoint(start_context("kept"), start_step("k", parent_id="kept"))
    service.checkpoint(
        start_context("gone"), start_context("inner", parent_id="gone"), start_step("g", parent_id="inner")
    )
    service.checkpoint(succeed_context("kept", replay_children=True), succeed_context("gone"))
    page = state_page(service.state, "", 0, 1_000_000)
    assert [operation.id for operation in page.operations] == [service.state.id, "kept", "k", "gone"]


def test_a_marker_that_was_not_given_is_refused(service):
    with pytest.raises(InvalidParameterValueException, match="Invalid Marker"):
        state_page(service.state, "abc", 0, 1_000_000)
