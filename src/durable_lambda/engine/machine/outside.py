"""What happens to an execution from outside: it is started and stopped, its callbacks and invokes are answered."""

from __future__ import annotations

from durable_lambda.engine.machine import callback, pause, records
from durable_lambda.engine.machine.batch import Change, error_size, refuse, text_size
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.records import OperationRecord
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.protocol import limits as bounds
from durable_lambda.protocol.errors import (
    CLOSED_CALLBACK,
    UNKNOWN_CALLBACK,
    CallbackTimeoutException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.operations import ErrorObject


def decide_stop(state: ExecutionState, error: ErrorObject | None, now: int) -> list[Change]:
    """End a running execution. For one that has ended there is nothing to change."""
    if not state.is_running:
        return []
    return [(records.ExecutionStopped(now, None, error or ErrorObject()), None)]


def decide_pause(state: ExecutionState, request: pause.PauseRequested) -> list[Change]:
    """Pause a running execution: at once, or as soon as its invocation allows.

    The same request once more, by its client token, changes nothing. Raises `ResourceConflictException` for an
    execution that has ended or is paused, `InvalidParameterValueException` for a token that meant something else.
    """
    if _is_repeated(state, request):
        return []
    if not state.is_running or state.pause is not None:
        raise ResourceConflictException(f"The durable execution is {state.status} and cannot be paused.")
    if state.invocation is not None:
        return [(request, None)]
    return [(request, None), (pause.paused(request, request.at), None)]


def decide_resume(state: ExecutionState, reason: str | None, client_token: str | None, now: int) -> list[Change]:
    """Let a paused execution go on. Raises as `decide_pause` does, for one that is not paused."""
    resumed = pause.ExecutionResumed(now, reason, client_token)
    if _is_repeated(state, resumed):
        return []
    if not state.is_running or state.pause is None:
        raise ResourceConflictException(f"The durable execution is {state.status} and cannot be resumed.")
    if state.paused_at is None:
        return [(pause.PauseWithdrawn(now, reason, client_token), None)]
    return [(resumed, None)]


def _is_repeated(state: ExecutionState, request: pause.PauseRecord) -> bool:
    known = state.client_tokens.get(request.client_token) if request.client_token is not None else None
    if known is None or request.at - known.at > bounds.CLIENT_TOKEN_SECONDS * 1000:
        return False
    if isinstance(known, pause.PauseRequested) != isinstance(request, pause.PauseRequested) or (
        known.reason != request.reason
    ):
        raise refuse("The client token was used for another request.")
    return True


def decide_callback_success(
    state: ExecutionState, callback_id: str, payload: str | None, limits: Limits, now: int
) -> list[Change]:
    """Answer a callback. Raises `ResourceNotFoundException`, `CallbackTimeoutException` when it is closed."""
    key = _open_callback(state, callback_id)
    if text_size(payload) > limits.operation_payload:
        raise refuse(f"CALLBACK output payload size must be less than or equal to {limits.operation_payload} bytes.")
    return [_change(state, callback.CallbackSucceeded(now, key, payload))]


def decide_callback_failure(
    state: ExecutionState, callback_id: str, error: ErrorObject, limits: Limits, now: int
) -> list[Change]:
    """Answer a callback with a failure. Raises as `decide_callback_success` does."""
    key = _open_callback(state, callback_id)
    if error_size(error) > limits.error_object:
        raise refuse(f"Error object size must be less than {limits.error_object} bytes.")
    return [_change(state, callback.CallbackFailed(now, key, error))]


def decide_callback_heartbeat(state: ExecutionState, callback_id: str, now: int) -> list[Change]:
    """Begin a callback's heartbeat timer anew. Raises as `decide_callback_success` does."""
    key = _open_callback(state, callback_id)
    if not state.deadlines[key].heartbeat_timeout:
        return []
    return [_change(state, callback.HeartbeatReceived(now, key))]


def decide_invoke_outcome(state: ExecutionState, outcome: OperationRecord) -> list[Change]:
    """Complete an invoke with what became of its target. Nothing to change when it has an outcome, or nobody waits."""
    if not state.is_running or outcome.id not in state.invokes:
        return []
    return [_change(state, outcome)]


def _open_callback(state: ExecutionState, callback_id: str) -> str:
    key = state.callbacks.get(callback_id)
    if key is None:
        raise ResourceNotFoundException(UNKNOWN_CALLBACK)
    if not state.is_running or key not in state.deadlines:
        raise CallbackTimeoutException(CLOSED_CALLBACK)
    return key


def _change(state: ExecutionState, record: OperationRecord) -> Change:
    return record, record.evolve(state.operations[record.id])
