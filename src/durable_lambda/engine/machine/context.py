"""CONTEXT: a group of operations with a result of its own."""

from __future__ import annotations

from durable_lambda.engine.machine.batch import Batch, refuse
from durable_lambda.engine.machine.records import OperationRecord, OperationStarted
from durable_lambda.protocol import events
from durable_lambda.protocol.events import EventDetails, EventError, EventPayload
from durable_lambda.protocol.operations import ContextDetails, ErrorObject, Operation, OperationStatus
from durable_lambda.protocol.updates import OperationUpdate

NO_DETAILS = events.NoDetails()
OPEN = ContextDetails()


class ContextStarted(OperationStarted, frozen=True):
    def create(self) -> Operation:
        return Operation(
            self.id, "CONTEXT", "STARTED", self.at, self.parent_id, self.name, self.sub_type, context_details=OPEN
        )

    def details(self) -> EventDetails:
        return NO_DETAILS


class ContextSucceeded(OperationRecord, frozen=True):
    result: str | None
    replay_children: bool = False
    """The result is a summary: the function runs the context's code again, and is told its children for that."""

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "SUCCEEDED", ContextDetails(self.replay_children, self.result), self.at)

    def details(self) -> EventDetails:
        return events.ResultDetails(EventPayload(self.result))


class ContextFailed(OperationRecord, frozen=True):
    error: ErrorObject | None
    replay_children: bool = False

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "FAILED", ContextDetails(self.replay_children, None, self.error), self.at)

    def details(self) -> EventDetails:
        return events.ErrorDetails(EventError(self.error))


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Accept the update's records, or raise the service's refusal."""
    if update.action == "START":
        if operation is not None:
            raise refuse("Cannot start a CONTEXT that already exist.")
        batch.accept(ContextStarted(batch.now, update.id, update.parent_id, update.name, update.sub_type))
        return
    if update.action not in ("SUCCEED", "FAIL"):
        raise refuse("Invalid action for the given operation type.")
    if operation is None or operation.status != "STARTED":
        raise refuse("Invalid current CONTEXT state to close.")
    batch.check_payload(update)
    replay_children = update.context_options is not None and update.context_options.replay_children
    if update.action == "SUCCEED":
        batch.accept(ContextSucceeded(batch.now, update.id, update.payload, replay_children))
    else:
        batch.accept(ContextFailed(batch.now, update.id, update.error, replay_children))


def _closed(operation: Operation, status: OperationStatus, details: ContextDetails, ended_at: int) -> Operation:
    return Operation(
        operation.id,
        "CONTEXT",
        status,
        operation.start_timestamp,
        operation.parent_id,
        operation.name,
        operation.sub_type,
        ended_at,
        context_details=details,
    )
