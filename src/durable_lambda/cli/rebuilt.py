"""Operations as they stand, from the events of a history: all that the service tells whoever is not the function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import (
    CallbackDetails,
    ChainedInvokeDetails,
    ContextDetails,
    ErrorObject,
    ExecutionDetails,
    Operation,
    OperationStatus,
    OperationType,
    StepDetails,
    WaitDetails,
)

_OPERATION: Final = re.compile(
    "(Execution|Context|Step|Wait|Callback|ChainedInvoke)(Started|Succeeded|Failed|Cancelled|TimedOut|Stopped)"
)
_TYPES: Final[dict[str, OperationType]] = {
    "Execution": "EXECUTION",
    "Context": "CONTEXT",
    "Step": "STEP",
    "Wait": "WAIT",
    "Callback": "CALLBACK",
    "ChainedInvoke": "CHAINED_INVOKE",
}
_STATUSES: Final[dict[str, OperationStatus]] = {
    "Started": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Cancelled": "CANCELLED",
    "TimedOut": "TIMED_OUT",
    "Stopped": "STOPPED",
}


def operations_of(events: Iterable[Event]) -> list[Operation]:
    """The operations that the events tell of, in the order of their first one."""
    known: dict[str, Operation] = {}
    for event in events:
        match = _OPERATION.fullmatch(event.event_type)
        if match is not None and event.id is not None:
            kind, status = _TYPES[match[1]], _STATUSES[match[2]]
            known[event.id] = _after(known.get(event.id) or _new(event, kind), event, status)
    return list(known.values())


def _new(event: Event, kind: OperationType) -> Operation:
    assert event.id is not None
    return Operation(
        event.id,
        kind,
        "STARTED",
        start_timestamp=event.event_timestamp,
        parent_id=event.parent_id,
        name=event.name,
        sub_type=event.sub_type,
    )


def _after(operation: Operation, event: Event, status: OperationStatus) -> Operation:
    """What an operation is once an event has happened to it."""
    result, error = _payload(event, "result"), _payload(event, "error")
    changes: dict[str, Any] = {
        "status": status,
        "end_timestamp": None if status == "STARTED" else event.event_timestamp,
    }
    match operation.type:
        case "EXECUTION":
            if (given := _payload(event, "input")) is not None:
                changes["execution_details"] = ExecutionDetails(given)
        case "CONTEXT":
            changes["context_details"] = ContextDetails(result=result, error=error)
        case "WAIT":
            if (until := getattr(event.details, "scheduled_end_timestamp", None)) is not None:
                changes["wait_details"] = WaitDetails(until)
        case "CALLBACK":
            before = operation.callback_details or CallbackDetails()
            callback_id = getattr(event.details, "callback_id", None) or before.callback_id
            changes["callback_details"] = CallbackDetails(callback_id, result, error)
        case "CHAINED_INVOKE":
            changes["chained_invoke_details"] = ChainedInvokeDetails(result, error)
        case "STEP":
            changes |= _step(operation, event, result, error)
    return msgspec.structs.replace(operation, **changes)


def _step(operation: Operation, event: Event, result: str | None, error: ErrorObject | None) -> dict[str, Any]:
    """A step's attempt that ended may be followed by another one."""
    before = operation.step_details or StepDetails()
    retry = getattr(event.details, "retry_details", None)
    if retry is None:
        return {"step_details": msgspec.structs.replace(before, next_attempt_timestamp=None)}
    delay = retry.next_attempt_delay_seconds
    if delay is None:
        return {"step_details": StepDetails(retry.current_attempt, None, result, error)}
    again_at = event.event_timestamp + delay * 1000
    pending = StepDetails(retry.current_attempt, again_at, result, error)
    return {"status": "PENDING", "end_timestamp": None, "step_details": pending}


def _payload(event: Event, field: str) -> Any:
    told = getattr(event.details, field, None)
    return None if told is None else told.payload
