"""Pausing: the function is not invoked any more until it is resumed; what it waits for goes on meanwhile.

A running invocation is let to its next checkpoint, which is stored and answered without a token. Until then the
execution is PAUSING, and resuming takes the pause back; then it is PAUSED. Its own time-out stands still meanwhile, if
that was asked for.
"""

from __future__ import annotations

from typing import ClassVar

from durable_lambda.engine.machine.records import Record
from durable_lambda.protocol import events
from durable_lambda.protocol.events import EventDetails, EventPayload
from durable_lambda.protocol.operations import ExecutionStatus


class PauseRecord(Record, frozen=True):
    """The base of what changes an execution's status without ending it. `client_token`: of the request."""

    status: ClassVar[ExecutionStatus]

    reason: str | None = None
    client_token: str | None = None


class PauseRequested(PauseRecord, frozen=True):
    """Internal: from the next checkpoint on, or at once if no invocation is under way."""

    status = "PAUSING"

    is_timeout_paused: bool = True
    is_mismatch: bool = False
    """Asked for by nobody: the function's code does not fit the history. Mended code lets it go on."""


class PauseWithdrawn(PauseRecord, frozen=True):
    """Internal: resumed before it was paused."""

    status = "RUNNING"


class ExecutionPaused(PauseRecord, frozen=True):
    status = "PAUSED"

    requested_at: int = 0
    is_timeout_paused: bool = True

    def details(self) -> EventDetails:
        return events.ExecutionPausedDetails(self.requested_at, self.is_timeout_paused, _reason(self.reason))


class ExecutionResumed(PauseRecord, frozen=True):
    status = "RUNNING"

    def details(self) -> EventDetails:
        return events.ExecutionResumedDetails(self.at, _reason(self.reason))


def paused(request: PauseRequested, now: int) -> ExecutionPaused:
    """The record of the moment from which an execution is paused."""
    return ExecutionPaused(now, request.reason, None, request.at, request.is_timeout_paused)


def _reason(text: str | None) -> EventPayload | None:
    return None if text is None else EventPayload(text)
