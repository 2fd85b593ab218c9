"""The log's encoding, and the two things made of it: an execution's state, and its history.

One entry holds the records of one committed batch, as MessagePack: compact, and payloads need no escaping.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, cast

import msgspec

from durable_lambda.engine.machine import callback, chained_invoke, context, pause, records, step, wait
from durable_lambda.engine.machine.identity import Entropy
from durable_lambda.engine.machine.records import OperationRecord, OperationStarted, Record
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.protocol.events import Event, EventType

AnyRecord: TypeAlias = (
    records.ExecutionStarted
    | records.ExecutionSucceeded
    | records.ExecutionFailed
    | records.ExecutionTimedOut
    | records.ExecutionStopped
    | pause.PauseRequested
    | pause.PauseWithdrawn
    | pause.ExecutionPaused
    | pause.ExecutionResumed
    | records.InvocationStarted
    | records.InvocationCompleted
    | step.StepStarted
    | step.StepSucceeded
    | step.StepFailed
    | step.StepReady
    | context.ContextStarted
    | context.ContextSucceeded
    | context.ContextFailed
    | wait.WaitStarted
    | wait.WaitSucceeded
    | wait.WaitCancelled
    | callback.CallbackStarted
    | callback.CallbackSucceeded
    | callback.CallbackFailed
    | callback.CallbackTimedOut
    | callback.HeartbeatReceived
    | chained_invoke.ChainedInvokeStarted
    | chained_invoke.ChainedInvokeSucceeded
    | chained_invoke.ChainedInvokeFailed
    | chained_invoke.ChainedInvokeTimedOut
    | chained_invoke.ChainedInvokeStopped
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[AnyRecord])


def encode_entry(batch: Sequence[Record]) -> bytes:
    """The records of one batch as bytes."""
    return _encoder.encode(batch)


def decode_entries(entries: Iterable[bytes]) -> list[Record]:
    """The records of some entries. Raises `msgspec.DecodeError` for what is no entry."""
    return [record for entry in entries for record in _decoder.decode(entry)]


def recover(log: Sequence[Record], entropy: Entropy) -> ExecutionState:
    """The state that a whole log adds up to."""
    first = log[0]
    assert isinstance(first, records.ExecutionStarted)
    state = ExecutionState(first, entropy)
    state.fold(list(log[1:]))
    return state


def history_of(log: Iterable[Record]) -> list[Event]:
    """The events that the service would tell, numbered from 1. A log only grows, so an id never changes."""
    events: list[Event] = []
    execution: tuple[str, str] = ("", "")
    started: dict[str, OperationStarted] = {}
    for record in log:
        if isinstance(record, records.ExecutionStarted):
            execution = (record.id, record.name)
        elif isinstance(record, OperationStarted):
            started.setdefault(record.id, record)
        details = record.details()
        if details is None:
            continue
        event_type = cast("EventType", type(record).__name__)
        number = len(events) + 1
        if isinstance(record, OperationRecord):
            origin = started[record.id]
            event = Event(
                event_type, number, record.at, details, record.id, origin.parent_id, origin.name, origin.sub_type
            )
        elif isinstance(record, (records.ExecutionStarted, records.ExecutionEnded, pause.PauseRecord)):
            event = Event(event_type, number, record.at, details, *execution[:1], name=execution[1])
        else:
            event = Event(event_type, number, record.at, details)
        events.append(event)
    return events
