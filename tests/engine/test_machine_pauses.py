"""Pausing and resuming, as the machine has it: when it begins, what stands still, and what is told."""

from __future__ import annotations

import pytest

from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.outside import decide_pause, decide_resume
from durable_lambda.engine.machine.pause import PauseRequested
from durable_lambda.protocol.errors import InvalidParameterValueException, ResourceConflictException
from durable_lambda.protocol.operations import ErrorObject
from service import Service, start_step, start_wait


def pause(service: Service, reason=None, token=None, *, timeout_paused=True):
    service.apply(decide_pause(service.state, PauseRequested(service.now, reason, token, timeout_paused)))


def resume(service: Service, reason=None, token=None):
    service.apply(decide_resume(service.state, reason, token, service.now))


def suspended(**options) -> Service:
    """An execution in a wait of a minute."""
    service = Service(**options)
    service.invoke()
    service.checkpoint(start_wait())
    service.answer("PENDING")
    return service


def test_a_suspended_execution_is_paused_at_once_and_its_wait_goes_on():
    service = suspended()
    pause(service, "maintenance")
    assert service.state.status == "PAUSED"
    service.pass_time(61)
    assert service.operation("w").status == "SUCCEEDED"
    assert service.event_types()[-2:] == ["ExecutionPaused", "WaitSucceeded"]
    resume(service, "done")
    assert service.state.status == "RUNNING"
    assert service.state.resume_at is not None, "the wait ended meanwhile"
    service.check_wire()


def test_an_execution_in_which_nothing_has_changed_is_not_invoked_when_it_is_resumed():
    service = suspended()
    pause(service)
    resume(service)
    assert service.state.resume_at is None


def test_a_running_invocation_is_let_to_its_next_checkpoint_which_has_no_token_for_another():
    service = Service()
    service.invoke()
    pause(service)
    assert service.state.status == "PAUSING"
    answer = service.checkpoint(start_step())
    assert answer.checkpoint_token is None
    assert [operation.id for operation in answer.new_execution_state.operations] == ["s"]
    assert service.state.status == "PAUSED"
    service.answer("PENDING")
    assert service.event_types() == ["ExecutionStarted", "StepStarted", "ExecutionPaused", "InvocationCompleted"]
    resume(service)
    assert service.state.resume_at is not None, "the pause has cut the invocation off"


def test_an_invocation_that_a_pause_has_cut_off_is_followed_by_another_even_if_it_was_resumed_before_it_ended():
    service = Service()
    service.invoke()
    service.checkpoint(start_wait())
    pause(service)
    service.checkpoint(start_step())
    resume(service)
    service.answer("PENDING")
    assert service.state.resume_at == service.now


def test_an_invocation_that_ends_by_itself_begins_the_pause():
    service = Service()
    service.invoke()
    service.checkpoint(start_wait())
    pause(service)
    service.answer("PENDING")
    assert service.event_types()[-2:] == ["InvocationCompleted", "ExecutionPaused"]


def test_resuming_before_the_pause_has_begun_leaves_no_trace_and_the_invocation_goes_on():
    service = Service()
    service.invoke()
    pause(service)
    resume(service)
    assert service.state.status == "RUNNING"
    assert service.checkpoint(start_step()).checkpoint_token is not None
    assert service.event_types() == ["ExecutionStarted", "StepStarted"]


def test_an_invocation_that_ends_the_execution_is_not_kept_from_it_by_a_pause():
    service = Service()
    service.invoke()
    pause(service)
    service.answer("SUCCEEDED", result="1")
    assert service.state.status == "SUCCEEDED"


@pytest.mark.parametrize("timeout_paused", [True, False])
def test_the_time_out_stands_still_if_that_is_asked_for(timeout_paused):
    service = suspended(execution_timeout=1000)
    service.pass_time(400)
    pause(service, timeout_paused=timeout_paused)
    service.pass_time(700)
    assert service.state.is_running == timeout_paused
    if timeout_paused:
        resume(service)
        service.pass_time(599)
        assert service.state.status == "RUNNING"
        service.pass_time(1)
        assert service.state.status == "TIMED_OUT"


def test_two_pauses_stand_still_together():
    service = suspended(execution_timeout=1000)
    for _ in range(2):
        pause(service)
        service.pass_time(5000)
        resume(service)
    service.pass_time(999)
    assert service.state.status == "RUNNING"
    service.pass_time(1)
    assert service.state.status == "TIMED_OUT"


def test_no_pause_lets_an_execution_live_longer_than_366_days():
    service = suspended(execution_timeout=1000)
    pause(service)
    service.pass_time(366 * 86_400)
    assert service.state.status == "TIMED_OUT"


def test_the_same_request_once_more_changes_nothing_and_another_one_is_a_conflict():
    service = suspended()
    pause(service, "a", "one")
    entries = len(service.entries)
    pause(service, "a", "one")
    assert len(service.entries) == entries
    with pytest.raises(InvalidParameterValueException, match="another request"):
        pause(service, "b", "one")
    with pytest.raises(ResourceConflictException, match="PAUSED"):
        pause(service, "a", "two")
    resume(service, None, "three")
    resume(service, None, "three")
    with pytest.raises(ResourceConflictException, match="RUNNING"):
        resume(service, None, "four")


def test_a_client_token_is_forgotten_after_a_quarter_of_an_hour():
    service = suspended()
    pause(service, None, "one")
    resume(service)
    service.pass_time(901)
    pause(service, None, "one")
    assert service.state.status == "PAUSED"


def test_a_paused_execution_comes_back_as_it_was():
    service = suspended(execution_timeout=1000)
    pause(service, "maintenance", "one")
    service.pass_time(500)
    resume(service)
    pause(service)
    again = service.recovered()
    state = service.state
    assert (again.status, again.pause, again.paused_at, again.deadline, again.paused_for) == (
        state.status,
        state.pause,
        state.paused_at,
        state.deadline,
        state.paused_for,
    )


@pytest.mark.parametrize(
    "name", ["durable_lambda.errors.NonDeterministicExecutionError", "NonDeterministicExecutionException"]
)
def test_a_mismatch_pauses_with_the_difference_as_the_reason_if_the_limits_say_so(name):
    service = Service(limits=Limits(pauses_on_mismatch=True))
    service.invoke()
    service.checkpoint(start_step())
    service.answer("FAILED", error=ErrorObject(name, "recorded: a\ncurrent: b" + "x" * 2000))
    assert service.state.status == "PAUSED"
    assert service.state.pause.reason.startswith("recorded: a\ncurrent: b")
    assert len(service.state.pause.reason) == 1024
    resume(service)
    assert service.state.resume_at is not None
    service.check_wire()


def test_a_mismatch_fails_as_on_the_service_otherwise():
    service = Service()
    service.invoke()
    service.answer("FAILED", error=ErrorObject("NonDeterministicExecutionError", "no"))
    assert service.state.status == "FAILED"
