"""History events: what `GetDurableExecutionHistory` tells, one struct of details for each shape.

On the wire an event carries its details in a member named after its type (`StepSucceededDetails`). Here they are one
field, `details`; `event_to_wire` and `event_from_wire` convert. Durations are seconds, moments epoch milliseconds.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from durable_lambda.protocol.operations import ErrorObject

EventType: TypeAlias = Literal[
    "ExecutionStarted",
    "ExecutionSucceeded",
    "ExecutionFailed",
    "ExecutionTimedOut",
    "ExecutionStopped",
    "ExecutionPaused",
    "ExecutionResumed",
    "ContextStarted",
    "ContextSucceeded",
    "ContextFailed",
    "WaitStarted",
    "WaitSucceeded",
    "WaitCancelled",
    "StepStarted",
    "StepSucceeded",
    "StepFailed",
    "ChainedInvokeStarted",
    "ChainedInvokeSucceeded",
    "ChainedInvokeFailed",
    "ChainedInvokeTimedOut",
    "ChainedInvokeStopped",
    "CallbackStarted",
    "CallbackSucceeded",
    "CallbackFailed",
    "CallbackTimedOut",
    "InvocationCompleted",
]


class EventPayload(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    """An input, result or reason. `truncated` without a payload: left out because data was not asked for."""

    payload: str | None = None
    truncated: bool | None = None


class EventError(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    payload: ErrorObject | None = None
    truncated: bool | None = None


class RetryDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    current_attempt: int
    """The attempt that ended, from 1."""
    next_attempt_delay_seconds: int | None = None
    """Only when another attempt follows."""


class NoDetails(msgspec.Struct, frozen=True, gc=False):
    """ContextStarted, StepStarted."""


class ExecutionStartedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    input: EventPayload
    execution_timeout: int


class ExecutionPausedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    pause_request_timestamp: int
    execution_timeout_paused: bool
    reason: EventPayload | None = None


class ExecutionResumedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    resume_request_timestamp: int
    reason: EventPayload | None = None


class ResultDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """ExecutionSucceeded, ContextSucceeded, ChainedInvokeSucceeded, CallbackSucceeded."""

    result: EventPayload


class ErrorDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    """Every failure, time-out, stop and cancellation but a step's."""

    error: EventError | None = None


class StepSucceededDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    result: EventPayload
    retry_details: RetryDetails


class StepFailedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    error: EventError
    retry_details: RetryDetails


class WaitStartedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    duration: int
    scheduled_end_timestamp: int


class WaitSucceededDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    duration: int | None = None


class CallbackStartedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    callback_id: str
    timeout: int | None = None
    heartbeat_timeout: int | None = None


class ChainedInvokeStartedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    function_name: str
    tenant_id: str | None = None
    input: EventPayload | None = None
    executed_version: str | None = None
    durable_execution_arn: str | None = None


class InvocationCompletedDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    start_timestamp: int
    end_timestamp: int
    request_id: str
    error: EventError | None = None


EventDetails: TypeAlias = (
    NoDetails
    | ExecutionStartedDetails
    | ExecutionPausedDetails
    | ExecutionResumedDetails
    | ResultDetails
    | ErrorDetails
    | StepSucceededDetails
    | StepFailedDetails
    | WaitStartedDetails
    | WaitSucceededDetails
    | CallbackStartedDetails
    | ChainedInvokeStartedDetails
    | InvocationCompletedDetails
)

DETAILS_OF: Final[dict[EventType, type[EventDetails]]] = {
    "ExecutionStarted": ExecutionStartedDetails,
    "ExecutionSucceeded": ResultDetails,
    "ExecutionFailed": ErrorDetails,
    "ExecutionTimedOut": ErrorDetails,
    "ExecutionStopped": ErrorDetails,
    "ExecutionPaused": ExecutionPausedDetails,
    "ExecutionResumed": ExecutionResumedDetails,
    "ContextStarted": NoDetails,
    "ContextSucceeded": ResultDetails,
    "ContextFailed": ErrorDetails,
    "WaitStarted": WaitStartedDetails,
    "WaitSucceeded": WaitSucceededDetails,
    "WaitCancelled": ErrorDetails,
    "StepStarted": NoDetails,
    "StepSucceeded": StepSucceededDetails,
    "StepFailed": StepFailedDetails,
    "ChainedInvokeStarted": ChainedInvokeStartedDetails,
    "ChainedInvokeSucceeded": ResultDetails,
    "ChainedInvokeFailed": ErrorDetails,
    "ChainedInvokeTimedOut": ErrorDetails,
    "ChainedInvokeStopped": ErrorDetails,
    "CallbackStarted": CallbackStartedDetails,
    "CallbackSucceeded": ResultDetails,
    "CallbackFailed": ErrorDetails,
    "CallbackTimedOut": ErrorDetails,
    "InvocationCompleted": InvocationCompletedDetails,
}


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One entry of a history. Its id is given once, counts from 1 and never changes."""

    event_type: EventType
    event_id: int
    event_timestamp: int
    details: EventDetails
    id: str | None = None
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None


def event_to_wire(event: Event, *, moment: type[int] | type[float] = float) -> dict[str, Any]:
    """The event as the service tells it, its moments in epoch seconds (`float`) or milliseconds (`int`)."""
    wire: dict[str, Any] = {"EventType": event.event_type, "EventId": event.event_id}
    wire["EventTimestamp"] = event.event_timestamp
    for key, text in (
        ("Id", event.id),
        ("ParentId", event.parent_id),
        ("Name", event.name),
        ("SubType", event.sub_type),
    ):
        if text is not None:
            wire[key] = text
    details: dict[str, Any] = msgspec.to_builtins(event.details)
    wire[f"{event.event_type}Details"] = details
    if moment is float:
        for record in (wire, details):
            for key, value in record.items():
                if key.endswith("Timestamp"):
                    record[key] = value / 1000
    return wire


def event_from_wire(wire: dict[str, Any]) -> Event:
    """An event from the service's JSON. Raises `msgspec.ValidationError` when it is not one."""
    event_type = msgspec.convert(wire.get("EventType"), EventType)
    details: dict[str, Any] = dict(wire.get(f"{event_type}Details") or {})
    for key, value in details.items():
        if key.endswith("Timestamp") and isinstance(value, float):
            details[key] = round(value * 1000)
    timestamp = wire.get("EventTimestamp", 0)
    return msgspec.convert(
        {
            "event_type": event_type,
            "event_id": wire.get("EventId"),
            "event_timestamp": round(timestamp * 1000) if isinstance(timestamp, float) else timestamp,
            "details": msgspec.convert(details, DETAILS_OF[event_type]),
            "id": wire.get("Id"),
            "parent_id": wire.get("ParentId"),
            "name": wire.get("Name"),
            "sub_type": wire.get("SubType"),
        },
        _EventFields,
    ).event()


class _EventFields(msgspec.Struct):
    event_type: EventType
    event_id: int
    event_timestamp: int
    details: Any
    id: str | None
    parent_id: str | None
    name: str | None
    sub_type: str | None

    def event(self) -> Event:
        return Event(*(getattr(self, field) for field in self.__struct_fields__))
