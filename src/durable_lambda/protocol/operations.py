"""Operations as the service tells them: their state, and the details that each type adds.

Structs are frozen, so one may be handed between engine and SDK in the same process without a copy. They cannot be part
of a cycle, so the garbage collector need not look at them (`gc=False`). JSON names are the service's
(`rename="pascal"`), absent fields are `None` and are not written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

OperationType: TypeAlias = Literal["EXECUTION", "CONTEXT", "STEP", "WAIT", "CALLBACK", "CHAINED_INVOKE"]
OperationStatus: TypeAlias = Literal[
    "STARTED", "PENDING", "READY", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "STOPPED"
]
ExecutionStatus: TypeAlias = Literal[
    "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING", "PAUSING", "PAUSED"
]
Timestamp: TypeAlias = int | float | datetime
"""A moment: epoch milliseconds (`int`, invocation events), epoch seconds (`float`, API responses), or boto3's."""

TERMINAL_STATUSES: Final[frozenset[OperationStatus]] = frozenset(
    ("SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "STOPPED")
)


def epoch_seconds(moment: Timestamp) -> float:
    """The moment as seconds since the epoch, from whichever form the wire had."""
    if isinstance(moment, datetime):
        return moment.timestamp()
    return moment / 1000 if isinstance(moment, int) else moment


class ErrorObject(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    """An error as data; every field may be absent."""

    error_type: str | None = None
    error_message: str | None = None
    error_data: str | None = None
    stack_trace: list[str] | None = None


class ExecutionDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    input_payload: str | None = None


class ContextDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    replay_children: bool = False
    result: str | None = None
    error: ErrorObject | None = None


class StepDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    attempt: int = 0
    """Attempts that have ended: 0 while the first one runs."""
    next_attempt_timestamp: Timestamp | None = None
    result: str | None = None
    error: ErrorObject | None = None


class WaitDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    scheduled_end_timestamp: Timestamp | None = None


class CallbackDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    callback_id: str | None = None
    result: str | None = None
    error: ErrorObject | None = None


class ChainedInvokeDetails(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    result: str | None = None
    error: ErrorObject | None = None


class Operation(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    """One operation of an execution, as it stands now."""

    id: str
    type: OperationType
    status: OperationStatus
    start_timestamp: Timestamp = 0
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    end_timestamp: Timestamp | None = None
    execution_details: ExecutionDetails | None = None
    context_details: ContextDetails | None = None
    step_details: StepDetails | None = None
    wait_details: WaitDetails | None = None
    callback_details: CallbackDetails | None = None
    chained_invoke_details: ChainedInvokeDetails | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL_STATUSES


RawOperation: TypeAlias = Operation | dict[str, Any]
"""An operation that may still be the dict it arrived as: it is decoded when somebody asks for it, not before."""


def operation_id_of(raw: RawOperation) -> str:
    """The id of an operation, without decoding the rest."""
    return raw["Id"] if isinstance(raw, dict) else raw.id


def decode_operation(raw: RawOperation) -> Operation:
    """The operation as a struct. Raises `msgspec.ValidationError` when it is not one."""
    return msgspec.convert(raw, Operation) if isinstance(raw, dict) else raw
