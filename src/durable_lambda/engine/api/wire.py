"""What the engine has in its own terms, as the API tells it: moments in epoch seconds, and payloads only if wanted."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_lambda.engine.machine.identity import execution_arn, function_arn
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.protocol.events import Event, event_to_wire
from durable_lambda.protocol.operations import ExecutionStatus, RawOperation

_PAYLOADS = ("Input", "Result", "Error", "Reason")


def seconds(moment: int) -> float:
    """Epoch milliseconds as epoch seconds."""
    return moment / 1000


def arn_of(row: ExecutionRow) -> str:
    """The ARN of an execution."""
    return execution_arn(row.function, row.name, row.id)


def operation_to_wire(operation: RawOperation) -> dict[str, Any]:
    """An operation as a response has it."""
    wire: dict[str, Any] = msgspec.to_builtins(operation)
    wire.setdefault("StartTimestamp", 0)
    for record, key in (
        (wire, "StartTimestamp"),
        (wire, "EndTimestamp"),
        (wire.get("StepDetails"), "NextAttemptTimestamp"),
        (wire.get("WaitDetails"), "ScheduledEndTimestamp"),
    ):
        if record is not None and key in record:
            record[key] = record[key] / 1000
    return wire


def history_event(event: Event, *, with_data: bool) -> dict[str, Any]:
    """An event of a history; without data, what was left out is marked."""
    wire = event_to_wire(event)
    details: dict[str, Any] = wire[f"{event.event_type}Details"]
    for key in _PAYLOADS:
        if key in details:
            details[key] = {**details[key], "Truncated": False} if with_data else {"Truncated": True}
    return wire


def summary(row: ExecutionRow, status: ExecutionStatus) -> dict[str, Any]:
    """An execution as a list has it."""
    wire: dict[str, Any] = {
        "DurableExecutionArn": arn_of(row),
        "DurableExecutionName": row.name,
        "FunctionArn": function_arn(row.function),
        "Status": status,
        "StartTimestamp": seconds(row.started_at),
    }
    if row.ended_at is not None:
        wire["EndTimestamp"] = seconds(row.ended_at)
    return wire
