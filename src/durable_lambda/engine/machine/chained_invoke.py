"""CHAINED_INVOKE: another function as an operation.

A durable target gets an execution of its own, whose first record stands in the transaction of the invoke's; a plain one
is called until it has answered once, so a crash may call it again. Either way the outcome is a record here.
"""

from __future__ import annotations

from typing import Final

from durable_lambda.engine.machine.batch import Batch, refuse, text_size
from durable_lambda.engine.machine.identity import execution_arn
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.records import (
    ExecutionEnded,
    ExecutionStarted,
    OperationRecord,
    OperationStarted,
    Origin,
)
from durable_lambda.engine.machine.targets import Targets, resolve
from durable_lambda.protocol import events
from durable_lambda.protocol.errors import InvalidParameterValueException, ResourceNotFoundException
from durable_lambda.protocol.events import EventDetails, EventError, EventPayload
from durable_lambda.protocol.operations import ChainedInvokeDetails, ErrorObject, Operation, OperationStatus
from durable_lambda.protocol.updates import OperationUpdate

EXECUTED_VERSION: Final = "$LATEST"

_OPEN = ChainedInvokeDetails()


class ChainedInvokeStarted(OperationStarted, frozen=True):
    function_name: str
    """As the code wrote it."""
    tenant_id: str | None
    input: str | None
    function: str | None
    """The hosted function that it means, if there is one."""
    child: str | None
    """The execution that it started, if that function is durable."""

    @property
    def is_call(self) -> bool:
        """Whether a plain function has to be called for it."""
        return self.function is not None and self.child is None

    def create(self) -> Operation:
        return Operation(
            self.id,
            "CHAINED_INVOKE",
            "STARTED",
            self.at,
            self.parent_id,
            self.name,
            self.sub_type,
            chained_invoke_details=_OPEN,
        )

    def details(self) -> EventDetails:
        return events.ChainedInvokeStartedDetails(
            self.function_name,
            self.tenant_id,
            EventPayload(self.input),
            None if self.function is None else EXECUTED_VERSION,
            execution_arn(self.function, self.child, self.child) if self.function and self.child else None,
        )


class ChainedInvokeSucceeded(OperationRecord, frozen=True):
    wakes = True

    result: str | None

    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "SUCCEEDED", self.at, ChainedInvokeDetails(self.result))

    def details(self) -> EventDetails:
        return events.ResultDetails(EventPayload(self.result))


class ChainedInvokeUnsuccessful(OperationRecord, frozen=True):
    """The base of the three ways in which an invoke does not succeed."""

    wakes = True

    error: ErrorObject

    def details(self) -> EventDetails:
        return events.ErrorDetails(EventError(self.error))


class ChainedInvokeFailed(ChainedInvokeUnsuccessful, frozen=True):
    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "FAILED", self.at, ChainedInvokeDetails(None, self.error))


class ChainedInvokeTimedOut(ChainedInvokeUnsuccessful, frozen=True):
    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "TIMED_OUT", self.at, ChainedInvokeDetails(None, self.error))


class ChainedInvokeStopped(ChainedInvokeUnsuccessful, frozen=True):
    def evolve(self, operation: Operation) -> Operation:
        return _closed(operation, "STOPPED", self.at, ChainedInvokeDetails(None, self.error))


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Accept the update's records, or raise the service's refusal."""
    if update.action != "START":
        raise refuse("Invalid action for the given operation type.")
    if operation is not None:
        raise refuse("Cannot start a CHAINED_INVOKE that already exist.")
    options = update.chained_invoke_options
    if options is None:
        raise refuse("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.")
    size = text_size(update.payload)
    batch.data += size
    if size > batch.limits.operation_payload:
        raise refuse(_too_large("input", batch.limits))
    target = resolve(options.function_name, batch.targets)
    function = target if isinstance(target, str) else None
    durable = None if function is None else batch.targets.durable.get(function)
    child = None if durable is None else batch.new_execution_id()
    batch.accept(
        ChainedInvokeStarted(
            batch.now,
            update.id,
            update.parent_id,
            update.name,
            update.sub_type,
            options.function_name,
            options.tenant_id,
            update.payload,
            function,
            child,
        )
    )
    if isinstance(target, ErrorObject):
        batch.accept(ChainedInvokeFailed(batch.now, update.id, target))
    elif durable is not None and child is not None:
        batch.children.append(
            ExecutionStarted(
                batch.now,
                child,
                child,
                target,
                update.payload,
                durable.execution_timeout,
                Origin(batch.execution_id, update.id, options.tenant_id),
            )
        )


def is_unknown(update: OperationUpdate, targets: Targets) -> bool:
    """Whether it would start a function that is not hosted."""
    options = update.chained_invoke_options
    if options is None or update.action != "START":
        return False
    try:
        target = resolve(options.function_name, targets)
    except InvalidParameterValueException:
        return False
    return isinstance(target, ErrorObject) and target.error_type == ResourceNotFoundException.code


def end_of_child(key: str, started: ExecutionStarted, end: ExecutionEnded, limits: Limits, now: int) -> OperationRecord:
    """What the end of a child execution means for the operation that started it."""
    if end.status == "SUCCEEDED":
        return success(key, end.result, limits, now)
    if end.status == "TIMED_OUT":
        seconds = started.execution_timeout
        message = f"CHAINED_INVOKE timed out after {seconds} seconds."
        return ChainedInvokeTimedOut(now, key, ErrorObject("ChainedInvoke.Timeout", message))
    error = end.error or ErrorObject()
    return ChainedInvokeStopped(now, key, error) if end.status == "STOPPED" else ChainedInvokeFailed(now, key, error)


def success(key: str, result: str | None, limits: Limits, now: int) -> OperationRecord:
    """A target's result; one that is too large for an operation is a failure."""
    if text_size(result) > limits.operation_payload:
        error = ErrorObject(InvalidParameterValueException.code, _too_large("output", limits))
        return ChainedInvokeFailed(now, key, error)
    return ChainedInvokeSucceeded(now, key, result)


def _too_large(what: str, limits: Limits) -> str:
    return f"CHAINED_INVOKE {what} payload size must be less than or equal to {limits.operation_payload} bytes."


def _closed(operation: Operation, status: OperationStatus, ended_at: int, details: ChainedInvokeDetails) -> Operation:
    return Operation(
        operation.id,
        "CHAINED_INVOKE",
        status,
        operation.start_timestamp,
        operation.parent_id,
        operation.name,
        operation.sub_type,
        ended_at,
        chained_invoke_details=details,
    )
