"""An invocation from the service's side: what it is told, what it may answer, and what becomes of its execution."""

from __future__ import annotations

from durable_lambda.engine.machine import pause, records
from durable_lambda.engine.machine.batch import Change, error_size
from durable_lambda.engine.machine.checkpoint import check_result
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.pages import page_of
from durable_lambda.engine.machine.state import ExecutionState, Invocation
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.invocation import InitialExecutionState, InvocationInput, InvocationOutput
from durable_lambda.protocol.limits import MAX_REASON
from durable_lambda.protocol.operations import ErrorObject

CRASHED = ErrorObject("Runtime.ExitError", "The engine ended in the middle of the invocation.")
MISMATCHES = ("NonDeterministicExecutionError", "NonDeterministicExecutionException")
NOTHING_PENDING = "Cannot return PENDING status with no pending operations."


def begin_invocation(state: ExecutionState, request_id: str, limits: Limits, now: int) -> InvocationInput:
    """Begin an invocation: tokens of earlier ones are void from here on."""
    token = state.ids.first_token()
    state.invocation = Invocation(request_id, now, token)
    state.resume_at = None
    updated = list(state.unseen)
    state.unseen = {}
    operations, marker = page_of(state, 0, len(state.operations), limits.page_bytes)
    return InvocationInput(state.arn, token, InitialExecutionState(list(operations), marker), updated)


def decide_output(state: ExecutionState, output: InvocationOutput, limits: Limits, now: int) -> list[Change]:
    """What an invocation's answer means."""
    try:
        _check_output(output, limits)
    except InvalidParameterValueException as problem:
        return _end(state, records.ExecutionFailed(now, None, ErrorObject(problem.code, problem.message)))
    if output.status == "SUCCEEDED":
        return _end(state, records.ExecutionSucceeded(now, output.result))
    if output.status == "FAILED":
        if limits.pauses_on_mismatch and output.error is not None and _is_mismatch(output.error):
            return _pause_for_mismatch(state, output.error, now)
        return _end(state, records.ExecutionFailed(now, None, output.error or ErrorObject()))
    return _decide_pending(state, limits, now)


def _decide_pending(state: ExecutionState, limits: Limits, now: int) -> list[Change]:
    if state.unseen or _is_cut_off(state):
        return [(_completed(state, now, resume_at=now), None), *_paused(state, now)]
    if state.blocked and not state.ready:
        return [(_completed(state, now), None), *_paused(state, now)]
    return _decide_futile(state, limits, now)


def decide_failure(state: ExecutionState, error: ErrorObject, limits: Limits, now: int) -> list[Change]:
    """What it means that an invocation crashed, raised or took too long: another try, later and later, or the end."""
    failures = state.failures + 1
    if failures >= limits.failed_invocations:
        return _end(state, records.ExecutionFailed(now, None, error), error, failures)
    delay = min(limits.first_retry_delay_ms * 2 ** (failures - 1), limits.longest_retry_delay_ms)
    return [(_completed(state, now, resume_at=now + delay, error=error, failures=failures), None), *_paused(state, now)]


def decide_recovery(state: ExecutionState, now: int) -> list[Change]:
    """What is found after a crash of the engine: an invocation without an end gets one, and another one follows.

    It does not count as a failure of the function. A pause that was asked for during it has begun.
    """
    begun = state.interrupted
    if not state.is_running:
        return []
    if begun is None:
        return _paused(state, now)
    completed = records.InvocationCompleted(now, begun.request_id, begun.at, now, CRASHED, state.failures, state.futile)
    return [(completed, None), *_paused(state, now)]


def _is_mismatch(error: ErrorObject) -> bool:
    """Whether a function says that its code does not fit the history, whichever SDK it was written with."""
    return (error.error_type or "").rpartition(".")[2] in MISMATCHES


def _pause_for_mismatch(state: ExecutionState, error: ErrorObject, now: int) -> list[Change]:
    reason = (error.error_message or error.error_type or "")[:MAX_REASON]
    request = pause.PauseRequested(now, reason, is_mismatch=True)
    changes: list[Change] = [(_completed(state, now, resume_at=now, error=error), None)]
    if state.pause is None:
        changes.append((request, None))
    return [*changes, (pause.paused(request, now), None)] if state.paused_at is None else changes


def _paused(state: ExecutionState, now: int) -> list[Change]:
    """A pause that was asked for during the invocation begins with its end."""
    if state.pause is None or state.paused_at is not None:
        return []
    return [(pause.paused(state.pause, now), None)]


def _is_cut_off(state: ExecutionState) -> bool:
    """Whether a pause has kept the function from going on; it may be over by now."""
    return state.invocation is not None and state.invocation.token is None


def _decide_futile(state: ExecutionState, limits: Limits, now: int) -> list[Change]:
    """PENDING, and either nothing is, or a step is ready and was left alone: ask again, but not for ever."""
    futile = state.futile + 1
    error = None if state.ready else ErrorObject(InvalidParameterValueException.code, NOTHING_PENDING)
    if futile < limits.futile_invocations:
        return [(_completed(state, now, resume_at=now, error=error, futile=futile), None), *_paused(state, now)]
    if state.blocked:
        return [(_completed(state, now, futile=futile), None), *_paused(state, now)]
    error = error or ErrorObject(InvalidParameterValueException.code, NOTHING_PENDING)
    return _end(state, records.ExecutionFailed(now, None, error))


def _completed(
    state: ExecutionState,
    now: int,
    *,
    resume_at: int | None = None,
    error: ErrorObject | None = None,
    failures: int = 0,
    futile: int = 0,
) -> records.InvocationCompleted:
    invocation = state.invocation
    assert invocation is not None
    return records.InvocationCompleted(
        now, invocation.request_id, invocation.started_at, resume_at, error, failures, futile
    )


def _end(
    state: ExecutionState, end: records.ExecutionEnded, error: ErrorObject | None = None, failures: int = 0
) -> list[Change]:
    return [(_completed(state, end.at, error=error, failures=failures), None), (end, None)]


def _check_output(output: InvocationOutput, limits: Limits) -> None:
    if output.status == "SUCCEEDED":
        if output.error is not None:
            raise InvalidParameterValueException("Cannot provide an Error for SUCCEEDED status.")
        check_result(output.result, limits)
    elif output.status == "FAILED":
        if output.result is not None:
            raise InvalidParameterValueException("Cannot provide a Result for FAILED status.")
        if error_size(output.error) > limits.error_object:
            raise InvalidParameterValueException(f"Error object size must be less than {limits.error_object} bytes.")
    elif output.status != "PENDING":
        raise InvalidParameterValueException("Invalid Status in invocation output.")
