"""WAIT: a timer that the service keeps."""

from __future__ import annotations

from durable_lambda.engine.machine.batch import Batch, check_bounds, refuse
from durable_lambda.engine.machine.records import OperationRecord, OperationStarted
from durable_lambda.protocol import events, limits
from durable_lambda.protocol.events import EventDetails, EventError
from durable_lambda.protocol.operations import ErrorObject, Operation, OperationStatus, WaitDetails
from durable_lambda.protocol.updates import OperationUpdate


class WaitStarted(OperationStarted, frozen=True):
    duration: int
    """Seconds."""

    def create(self) -> Operation:
        details = WaitDetails(self.at + self.duration * 1000)
        return Operation(
            self.id, "WAIT", "STARTED", self.at, self.parent_id, self.name, self.sub_type, wait_details=details
        )

    def details(self) -> EventDetails:
        return events.WaitStartedDetails(self.duration, self.at + self.duration * 1000)


class WaitSucceeded(OperationRecord, frozen=True):
    wakes = True

    duration: int

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "SUCCEEDED", self.at)

    def details(self) -> EventDetails:
        return events.WaitSucceededDetails(self.duration)


class WaitCancelled(OperationRecord, frozen=True):
    error: ErrorObject | None

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "CANCELLED", self.at)

    def details(self) -> EventDetails:
        return events.ErrorDetails(None if self.error is None else EventError(self.error))


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Accept the update's records, or raise the service's refusal."""
    if update.action == "START":
        if operation is not None:
            raise refuse("Cannot start a WAIT that already exist.")
        if update.wait_options is None:
            raise refuse("Update for WAIT operation requires WaitOptions.")
        seconds = update.wait_options.wait_seconds
        check_bounds("waitOptions.waitSeconds", seconds, limits.MIN_WAIT_SECONDS, limits.MAX_WAIT_SECONDS)
        batch.accept(WaitStarted(batch.now, update.id, update.parent_id, update.name, update.sub_type, seconds))
    elif update.action == "CANCEL":
        if operation is None or operation.status != "STARTED":
            raise refuse("Cannot cancel a WAIT that does not exist or has already completed.")
        batch.check_payload(update)
        batch.accept(WaitCancelled(batch.now, update.id, update.error))
    else:
        raise refuse("Invalid action for the given operation type.")


def _closed(operation: Operation, status: OperationStatus, ended_at: int) -> Operation:
    return Operation(
        operation.id,
        "WAIT",
        status,
        operation.start_timestamp,
        operation.parent_id,
        operation.name,
        operation.sub_type,
        ended_at,
        wait_details=operation.wait_details,
    )
