"""Records: what an execution's log consists of, and of what its state is a fold.

A record is a fact with its moment. Most are also events of the history, under the name of their class; those that the
service does not tell are internal (`StepReady`, `HeartbeatReceived`, …). Nothing but records changes a state, so to
recover an execution is to fold its records once more. Fields are appended, never reordered: old logs are read for ever.

A record of an operation knows three things: how it changes the operation (`evolve`), whether it is told (`details`),
and nothing else. What is allowed is decided beside it, in the module of its type.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from durable_lambda.protocol import events
from durable_lambda.protocol.events import EventDetails, EventError, EventPayload
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus, Operation, OperationStatus


class Record(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    at: int
    """Epoch milliseconds."""

    def details(self) -> EventDetails | None:
        """What the history tells of it; `None` if nothing."""
        return None


class OperationRecord(Record, frozen=True):
    """A change of one operation."""

    wakes: ClassVar[bool] = False
    """It comes from outside the function, which has to be told of it, and invoked if it does not run."""

    id: str

    def evolve(self, operation: Operation) -> Operation:
        """The operation after the change."""
        raise NotImplementedError


class OperationStarted(OperationRecord, frozen=True):
    """The base of the records that an operation begins with."""

    parent_id: str | None
    name: str | None
    sub_type: str | None

    def create(self) -> Operation:
        """The operation as it begins."""
        raise NotImplementedError

    def evolve(self, operation: Operation) -> Operation:
        return self.create()


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Who started an execution, if another one did."""

    execution: str
    """Its id."""
    operation: str
    """The CHAINED_INVOKE in it that waits for the end."""
    tenant_id: str | None = None


class ExecutionStarted(Record, frozen=True):
    id: str
    name: str
    function: str
    payload: str | None
    execution_timeout: int
    """Seconds."""
    origin: Origin | None = None

    def details(self) -> EventDetails:
        return events.ExecutionStartedDetails(EventPayload(self.payload), self.execution_timeout)


class ExecutionEnded(Record, frozen=True):
    """The base of the four ways in which an execution ends."""

    status: ClassVar[ExecutionStatus]
    operation_status: ClassVar[OperationStatus]

    result: str | None = None
    error: ErrorObject | None = None

    def details(self) -> EventDetails:
        return events.ErrorDetails(EventError(self.error))


class ExecutionSucceeded(ExecutionEnded, frozen=True):
    status = "SUCCEEDED"
    operation_status = "SUCCEEDED"

    def details(self) -> EventDetails:
        return events.ResultDetails(EventPayload(self.result))


class ExecutionFailed(ExecutionEnded, frozen=True):
    status = "FAILED"
    operation_status = "FAILED"


class ExecutionTimedOut(ExecutionEnded, frozen=True):
    status = "TIMED_OUT"
    operation_status = "TIMED_OUT"

    def details(self) -> EventDetails:
        return events.ErrorDetails()


class ExecutionStopped(ExecutionEnded, frozen=True):
    status = "STOPPED"
    operation_status = "STOPPED"


class InvocationStarted(Record, frozen=True):
    """Internal, and stored with the first checkpoint of the invocation: what a crash leaves of it is told from here."""

    request_id: str


class InvocationCompleted(Record, frozen=True):
    request_id: str
    started_at: int
    resume_at: int | None
    """When the next invocation is due, unless something changes before; `None`: only then."""
    error: ErrorObject | None = None
    failures: int = 0
    """Invocations that failed in a row, this one included."""
    futile: int = 0
    """Invocations in a row that answered PENDING with nothing to wait for, this one included."""

    def details(self) -> EventDetails:
        error = None if self.error is None else EventError(self.error)
        return events.InvocationCompletedDetails(self.started_at, self.at, self.request_id, error)
