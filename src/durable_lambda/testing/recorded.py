"""A recorded execution: what a history adds up to, as the function would be told of it.

A history comes from `GetDurableExecutionHistory` (boto3's answer, or the JSON that the AWS command line prints), from
`durable history --json`, or from a run of the test runner.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import msgspec

from durable_lambda.engine.machine.callback import HEARTBEAT_MISSED, TIMED_OUT
from durable_lambda.engine.machine.identity import execution_arn
from durable_lambda.errors import ValidationError
from durable_lambda.operations.stored_batch import Summary
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.events import Event, event_from_wire
from durable_lambda.protocol.operations import ErrorObject, Operation, OperationStatus, OperationType

History: TypeAlias = Mapping[str, Any] | Sequence[Event] | Sequence[Mapping[str, Any]] | str | PathLike[str]
"""A history, or the path of a JSON file that has one."""

_TYPES: Final[dict[str, OperationType]] = {
    "Context": "CONTEXT",
    "Step": "STEP",
    "Wait": "WAIT",
    "Callback": "CALLBACK",
    "ChainedInvoke": "CHAINED_INVOKE",
}
_ENDS: Final[dict[str, OperationStatus]] = {
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "TimedOut": "TIMED_OUT",
    "Stopped": "STOPPED",
    "Cancelled": "CANCELLED",
}
_TIME_OUTS: Final = {error.error_type: error for error in (TIMED_OUT, HEARTBEAT_MISSED)}
"""The errors of callbacks that a history tells without their message."""


class Recorded(msgspec.Struct, frozen=True):
    """An execution as its history tells it."""

    name: str
    arn: str
    operations: list[Operation]
    """As the service would give them to the function, the EXECUTION first."""
    status: str
    """RUNNING if the history has no end."""
    result: str | None = None
    error: ErrorObject | None = None


def read_history(history: History, function: str) -> Recorded:
    """What a history adds up to. `function` is what the function is called, for an ARN that the history does not tell.

    Raises `ValidationError` for what is no history, and for one without the execution's data.
    """
    arn = ""
    told: Any = _load(Path(history)) if isinstance(history, str | PathLike) else history
    if isinstance(told, Mapping):
        fields = cast("Mapping[str, Any]", told)
        arn = fields.get("DurableExecutionArn") or ""
        told = fields.get("Events")
    entries = cast("Sequence[object]", told or ())
    events = events_of(entries)
    if not events or events[0].event_type != "ExecutionStarted":
        raise ValidationError(
            "this is no history from its beginning: it has to begin with an ExecutionStarted event. Export it with "
            "`durable history EXECUTION --json`, or with GetDurableExecutionHistory (all of its pages)"
        )
    _check_complete(events)
    root, *operations = operations_of(events)
    name, key, last = root.name or "", root.id, events[-1]
    status = _end_of(last) or "RUNNING"
    has_ended = status != "RUNNING"
    return Recorded(
        name=name or key,
        arn=arn or execution_arn(function, name, key),
        operations=[msgspec.structs.replace(root, status="STARTED", end_timestamp=None), *_told(operations)],
        status=status,
        result=getattr(event_payload(last.details, "result"), "payload", None) if has_ended else None,
        error=getattr(event_payload(last.details, "error"), "payload", None) if has_ended else None,
    )


def events_of(entries: Sequence[object]) -> list[Event]:
    """Events in whatever form they come. Raises `ValidationError` for what is none."""
    return [_event(entry) for entry in entries]


def operations_of(events: Sequence[Event]) -> list[Operation]:
    """Every operation of a history from its beginning, the EXECUTION first."""
    known: dict[str, Operation] = {}
    for event in events:
        if event.id is not None and not event.event_type.startswith("Execution"):
            known[event.id] = _after(event, known.get(event.id))
    first, last = events[0], events[-1]
    payload = getattr(event_payload(first.details, "input"), "payload", None)
    end = _end_of(last)
    root = Operation(
        first.id or "",
        "EXECUTION",
        end or "STARTED",
        first.event_timestamp,
        name=first.name,
        end_timestamp=None if end is None else last.event_timestamp,
        execution_details=wire.ExecutionDetails(payload),
    )
    return [root, *known.values()]


def _end_of(last: Event) -> OperationStatus | None:
    """How an execution ended, if its last event tells that."""
    return _ENDS.get(last.event_type.removeprefix("Execution")) if last.event_type.startswith("Execution") else None


def event_payload(details: Any, member: str) -> Any:
    """A member of an event's details, if it has it."""
    return getattr(details, member, None)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(f"the history {path} cannot be read: {error}") from error
    except ValueError as error:
        raise ValidationError(f"the history {path} is no JSON: {error}") from error


def _event(entry: object) -> Event:
    if isinstance(entry, Event):
        return entry
    if not isinstance(entry, Mapping):
        raise ValidationError(f"a history is a list of events, and has {entry!r}")
    try:
        return event_from_wire(_with_numbers(cast("Mapping[str, Any]", entry)))
    except (msgspec.ValidationError, KeyError) as error:
        raise ValidationError(f"not an event of a history: {error}") from error


def _with_numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The event with moments as numbers: boto3 gives datetimes, the AWS command line text."""
    plain: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, Mapping):
            plain[key] = _with_numbers(cast("Mapping[str, Any]", value))
        elif key.endswith("Timestamp") and isinstance(value, datetime):
            plain[key] = value.timestamp()
        elif key.endswith("Timestamp") and isinstance(value, str):
            plain[key] = datetime.fromisoformat(value).timestamp()
        else:
            plain[key] = value
    return plain


def _check_complete(events: Sequence[Event]) -> None:
    for event in events:
        for member in ("input", "result", "error"):
            payload = event_payload(event.details, member)
            if payload is not None and payload.truncated and payload.payload is None:
                raise ValidationError(
                    f"the history has no data: event {event.event_id} ({event.event_type}) is truncated. Export it "
                    "with IncludeExecutionData=True (--include-execution-data)"
                )


def _after(event: Event, before: Operation | None) -> Operation:
    """An operation after an event of it."""
    kind = next(kind for kind in _TYPES if event.event_type.startswith(kind))
    what = event.event_type.removeprefix(kind)
    details = event.details
    result = getattr(event_payload(details, "result"), "payload", None)
    error = getattr(event_payload(details, "error"), "payload", None)
    retry = event_payload(details, "retry_details")
    status: OperationStatus = _ENDS.get(what, "STARTED")
    delay = getattr(retry, "next_attempt_delay_seconds", None)
    if delay is not None:
        status = "PENDING"
    operation = before or Operation(
        event.id or "",
        _TYPES[kind],
        "STARTED",
        event.event_timestamp,
        parent_id=event.parent_id,
        name=event.name,
        sub_type=event.sub_type,
    )
    fields: dict[str, Any] = {"status": status}
    if status in wire.TERMINAL_STATUSES:
        fields["end_timestamp"] = event.event_timestamp
    if kind == "Step":
        known = operation.step_details or wire.StepDetails()
        attempt = getattr(retry, "current_attempt", known.attempt)
        due = None if delay is None else event.event_timestamp + delay * 1000
        if status == "STARTED":
            result, error = known.result, known.error
        fields["step_details"] = wire.StepDetails(attempt, due, result, error)
    elif kind == "Context":
        fields["context_details"] = wire.ContextDetails(False, result, error)
    elif kind == "Callback":
        known_id = operation.callback_details.callback_id if operation.callback_details else None
        if what == "TimedOut" and error is not None:
            error = _TIME_OUTS.get(error.error_type, error)
        fields["callback_details"] = wire.CallbackDetails(
            event_payload(details, "callback_id") or known_id, result, error
        )
    elif kind == "ChainedInvoke":
        fields["chained_invoke_details"] = wire.ChainedInvokeDetails(result, error)
    elif what == "Started":
        fields["wait_details"] = wire.WaitDetails(event_payload(details, "scheduled_end_timestamp"))
    return msgspec.structs.replace(operation, **fields)


def _told(operations: Sequence[Operation]) -> list[Operation]:
    """The operations as the service tells them: what a completed context has inside is left out."""
    known = {operation.id: operation for operation in operations}
    parents = {operation.parent_id for operation in known.values()}
    told: list[Operation] = []
    hidden: set[str] = set()
    for operation in known.values():
        parent = operation.parent_id
        above = known.get(parent) if parent is not None else None
        if above is not None and (above.id in hidden or (above.is_terminal and not _replays_children(above))):
            hidden.add(operation.id)
            continue
        replays = operation.id in parents and operation.is_terminal and _replays_children(operation)
        told.append(_with_children(operation) if replays else operation)
    return told


def _with_children(context: Operation) -> Operation:
    """The context, whose operations inside are told as well."""
    details = context.context_details or wire.ContextDetails()
    return msgspec.structs.replace(context, context_details=wire.ContextDetails(True, details.result, details.error))


def _replays_children(context: Operation) -> bool:
    """Whether a context's result was too large to be stored with it. A history does not tell that as such."""
    details = context.context_details
    if context.status != "SUCCEEDED" or details is None:
        return False
    if not details.result:
        return True
    try:
        return msgspec.json.decode(details.result, type=Summary).type == f"{context.sub_type}Result"
    except msgspec.MsgspecError:
        return False
