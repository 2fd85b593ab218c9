"""CALLBACK: an answer from outside, waited for under an id, with a time-out and a heartbeat."""

from __future__ import annotations

import msgspec

from durable_lambda.engine.machine.batch import Batch, check_bounds, refuse
from durable_lambda.engine.machine.records import OperationRecord, OperationStarted
from durable_lambda.protocol import events, limits
from durable_lambda.protocol.events import EventDetails, EventError, EventPayload
from durable_lambda.protocol.operations import CallbackDetails, ErrorObject, Operation, OperationStatus
from durable_lambda.protocol.updates import CallbackOptions, OperationUpdate

TIMED_OUT = ErrorObject("Callback.Timeout", "Callback timed out")
HEARTBEAT_MISSED = ErrorObject("Callback.Heartbeat", "Callback timed out on heartbeat")


class Deadlines(msgspec.Struct, frozen=True):
    """The two timers of an open callback; the operation as the service tells it has neither. Epoch milliseconds."""

    timeout_at: int | None
    heartbeat_at: int | None
    heartbeat_timeout: int
    """Seconds."""

    def beaten(self, at: int) -> Deadlines:
        """After a heartbeat: only its own timer begins anew."""
        return Deadlines(self.timeout_at, at + self.heartbeat_timeout * 1000, self.heartbeat_timeout)

    def next(self) -> int | None:
        """The nearer of the two."""
        return min((due for due in (self.timeout_at, self.heartbeat_at) if due is not None), default=None)


class CallbackStarted(OperationStarted, frozen=True):
    callback_id: str
    timeout: int = 0
    heartbeat_timeout: int = 0

    def create(self) -> Operation:
        details = CallbackDetails(self.callback_id)
        return Operation(
            self.id, "CALLBACK", "STARTED", self.at, self.parent_id, self.name, self.sub_type, callback_details=details
        )

    def details(self) -> EventDetails:
        return events.CallbackStartedDetails(self.callback_id, self.timeout or None, self.heartbeat_timeout or None)

    def deadlines(self) -> Deadlines:
        """The timers that begin with it."""
        return Deadlines(
            self.at + self.timeout * 1000 if self.timeout else None,
            self.at + self.heartbeat_timeout * 1000 if self.heartbeat_timeout else None,
            self.heartbeat_timeout,
        )


class HeartbeatReceived(OperationRecord, frozen=True):
    """Internal: whoever works on the answer is alive."""

    def evolve(self, operation: Operation) -> Operation:
        return operation


class CallbackSucceeded(OperationRecord, frozen=True):
    wakes = True

    result: str | None

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "SUCCEEDED", self.at, self.result, None)

    def details(self) -> EventDetails:
        return events.ResultDetails(EventPayload(self.result))


class CallbackFailed(OperationRecord, frozen=True):
    wakes = True

    error: ErrorObject | None

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "FAILED", self.at, None, self.error)

    def details(self) -> EventDetails:
        return events.ErrorDetails(EventError(self.error))


class CallbackTimedOut(OperationRecord, frozen=True):
    wakes = True

    error: ErrorObject

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "TIMED_OUT", self.at, None, self.error)

    def details(self) -> EventDetails:
        # The service tells the message to the function, and not in the history.
        return events.ErrorDetails(EventError(ErrorObject(self.error.error_type)))


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Accept the update's records, or raise the service's refusal."""
    if update.action != "START":
        raise refuse("Invalid action for the given operation type.")
    if operation is not None:
        raise refuse("Cannot start a CALLBACK that already exist.")
    options = update.callback_options or CallbackOptions()
    longest = limits.MAX_CALLBACK_TIMEOUT_SECONDS
    check_bounds("callbackOptions.timeoutSeconds", options.timeout_seconds, 0, longest)
    check_bounds("callbackOptions.heartbeatTimeoutSeconds", options.heartbeat_timeout_seconds, 0, longest)
    batch.accept(
        CallbackStarted(
            batch.now,
            update.id,
            update.parent_id,
            update.name,
            update.sub_type,
            batch.new_callback_id(),
            options.timeout_seconds,
            options.heartbeat_timeout_seconds,
        )
    )


def _closed(
    operation: Operation, status: OperationStatus, ended_at: int, result: str | None, error: ErrorObject | None
) -> Operation:
    callback_id = operation.callback_details.callback_id if operation.callback_details else None
    return Operation(
        operation.id,
        "CALLBACK",
        status,
        operation.start_timestamp,
        operation.parent_id,
        operation.name,
        operation.sub_type,
        ended_at,
        callback_details=CallbackDetails(callback_id, result, error),
    )
