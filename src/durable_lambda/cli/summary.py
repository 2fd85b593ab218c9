"""An execution as the command line tells it: who it is, how it stands, how it ended.

Read from its events, so that `run` (an engine in this process) and `show` (a file, perhaps another's) tell the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from durable_lambda.protocol.events import (
    ErrorDetails,
    Event,
    ExecutionPausedDetails,
    ExecutionStartedDetails,
    ResultDetails,
)
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus


class Summary(NamedTuple):
    """Moments are epoch milliseconds; `result` and `input` are JSON as it is stored."""

    arn: str
    name: str
    function: str
    status: ExecutionStatus
    started_at: int
    ended_at: int | None
    input: str | None
    result: str | None
    error: ErrorObject | None
    pause: ExecutionPausedDetails | None = None
    """Of one that is paused."""

    def wire(self) -> dict[str, Any]:
        """The names and shapes of the service's GetDurableExecution."""
        told: dict[str, Any] = {
            "DurableExecutionArn": self.arn,
            "DurableExecutionName": self.name,
            "FunctionArn": function_arn(self.arn),
            "InputPayload": self.input,
            "Result": self.result,
            "Error": msgspec.to_builtins(self.error),
            "StartTimestamp": self.started_at / 1000,
            "Status": self.status,
            "EndTimestamp": None if self.ended_at is None else self.ended_at / 1000,
            "PauseDetails": None if self.pause is None else self._pause_details(self.pause),
        }
        return {key: value for key, value in told.items() if value is not None}

    @property
    def pause_reason(self) -> str | None:
        """Why it is paused, if somebody said."""
        return self.pause.reason.payload if self.pause is not None and self.pause.reason is not None else None

    def _pause_details(self, pause: ExecutionPausedDetails) -> dict[str, Any]:
        details: dict[str, Any] = {
            "PauseRequestTimestamp": pause.pause_request_timestamp / 1000,
            "ExecutionTimeoutPaused": pause.execution_timeout_paused,
        }
        return details if self.pause_reason is None else {**details, "Reason": self.pause_reason}


_ENDS: Final[dict[str, ExecutionStatus]] = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionStopped": "STOPPED",
}
_PAUSES: Final = ("ExecutionPaused", "ExecutionResumed")


def summarize(arn: str, name: str, function: str, history: Sequence[Event]) -> Summary:
    """Put together what the first and the last event of an execution tell."""
    first, last = history[0], history[-1]
    has_ended = last.event_type in _ENDS
    pause = None if has_ended else _pause(history)
    status = _ENDS.get(last.event_type) or ("RUNNING" if pause is None else "PAUSED")
    details = last.details
    return Summary(
        arn,
        name,
        function,
        status,
        started_at=first.event_timestamp,
        ended_at=last.event_timestamp if has_ended else None,
        input=first.details.input.payload if isinstance(first.details, ExecutionStartedDetails) else None,
        result=details.result.payload if status == "SUCCEEDED" and isinstance(details, ResultDetails) else None,
        error=details.error.payload if isinstance(details, ErrorDetails) and has_ended and details.error else None,
        pause=pause,
    )


def _pause(history: Sequence[Event]) -> ExecutionPausedDetails | None:
    """What is told of an execution's pause, if it is paused."""
    last = next((event.details for event in reversed(history) if event.event_type in _PAUSES), None)
    return last if isinstance(last, ExecutionPausedDetails) else None


def function_arn(execution_arn: str) -> str:
    """The function's part of an execution's ARN."""
    return execution_arn.partition("/durable-execution/")[0]
