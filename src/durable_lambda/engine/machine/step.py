"""STEP: attempts of a piece of work, each with its outcome, and the delays between them."""

from __future__ import annotations

from durable_lambda.engine.machine.batch import Batch, check_bounds, refuse
from durable_lambda.engine.machine.records import OperationRecord, OperationStarted
from durable_lambda.protocol import events, limits
from durable_lambda.protocol.events import EventDetails, EventError, EventPayload, RetryDetails
from durable_lambda.protocol.operations import ErrorObject, Operation, OperationStatus, StepDetails
from durable_lambda.protocol.updates import OperationUpdate

NO_DETAILS = events.NoDetails()
FIRST_ATTEMPT = StepDetails()


class StepStarted(OperationStarted, frozen=True):
    """An attempt begins. What the attempts before it left (a condition's state, an error) stays."""

    def create(self) -> Operation:
        return Operation(
            self.id, "STEP", "STARTED", self.at, self.parent_id, self.name, self.sub_type, step_details=FIRST_ATTEMPT
        )

    def evolve(self, operation: Operation) -> Operation:
        return _changed(operation, "STARTED", operation.step_details or FIRST_ATTEMPT)

    def details(self) -> EventDetails:
        return NO_DETAILS


class StepSucceeded(OperationRecord, frozen=True):
    """An attempt ended with a result. With a delay it was a condition's check, and another one follows."""

    result: str | None
    attempt: int
    delay: int | None = None

    def evolve(self, operation: Operation) -> Operation:
        if self.delay is None:
            return _changed(operation, "SUCCEEDED", StepDetails(self.attempt, None, self.result), self.at)
        return _changed(operation, "PENDING", StepDetails(self.attempt, self.at + self.delay * 1000, self.result))

    def details(self) -> EventDetails:
        return events.StepSucceededDetails(EventPayload(self.result), RetryDetails(self.attempt, self.delay))


class StepFailed(OperationRecord, frozen=True):
    """An attempt ended with an error. With a delay another one follows."""

    error: ErrorObject | None
    attempt: int
    delay: int | None = None

    def evolve(self, operation: Operation) -> Operation:
        if self.delay is None:
            return _changed(operation, "FAILED", StepDetails(self.attempt, None, None, self.error), self.at)
        result = operation.step_details.result if operation.step_details else None
        details = StepDetails(self.attempt, self.at + self.delay * 1000, result, self.error)
        return _changed(operation, "PENDING", details)

    def details(self) -> EventDetails:
        return events.StepFailedDetails(EventError(self.error), RetryDetails(self.attempt, self.delay))


class StepReady(OperationRecord, frozen=True):
    """Internal: the delay before the next attempt is over."""

    wakes = True

    def evolve(self, operation: Operation) -> Operation:
        known = operation.step_details or FIRST_ATTEMPT
        return _changed(operation, "READY", StepDetails(known.attempt, None, known.result, known.error))


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Accept the update's records, or raise the service's refusal."""
    action = update.action
    if (update.step_options is not None) != (action == "RETRY"):
        raise refuse("Invalid StepOptions for the given action.")
    status = None if operation is None else operation.status
    if action == "START":
        if status is not None and status != "READY":
            raise refuse("Invalid current STEP state to start.")
        batch.accept(_started(update, batch))
        return
    if action not in ("SUCCEED", "FAIL", "RETRY"):
        raise refuse("Invalid action for the given operation type.")
    if status is not None and status not in ("STARTED", "READY"):
        raise refuse(f"Invalid current STEP state to {'re-attempt' if action == 'RETRY' else 'close'}.")
    batch.check_payload(update)
    if status != "STARTED":  # an attempt that ends has begun
        batch.accept(_started(update, batch))
    details = operation.step_details if operation is not None else None
    attempt = (details.attempt if details is not None else 0) + 1
    delay = None
    if update.step_options is not None:
        delay = update.step_options.next_attempt_delay_seconds
        check_bounds("stepOptions.nextAttemptDelaySeconds", delay, 1, limits.MAX_WAIT_SECONDS)
        if update.payload is not None and update.error is not None:
            raise refuse("Cannot provide both error and payload to RETRY a STEP.")
    if action == "SUCCEED" or (action == "RETRY" and update.payload is not None):
        batch.accept(StepSucceeded(batch.now, update.id, update.payload, attempt, delay))
    else:
        batch.accept(StepFailed(batch.now, update.id, update.error, attempt, delay))


def _started(update: OperationUpdate, batch: Batch) -> StepStarted:
    return StepStarted(batch.now, update.id, update.parent_id, update.name, update.sub_type)


def _changed(
    operation: Operation, status: OperationStatus, details: StepDetails, ended_at: int | None = None
) -> Operation:
    return Operation(
        operation.id,
        "STEP",
        status,
        operation.start_timestamp,
        operation.parent_id,
        operation.name,
        operation.sub_type,
        ended_at,
        step_details=details,
    )
