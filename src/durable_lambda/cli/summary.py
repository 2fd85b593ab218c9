"""An execution as the command line tells it: who it is, how it stands, how it ended.

Read from its events, so that `run` (an engine in this process) and `show` (a file, perhaps another's) tell the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from durable_lambda.protocol.events import ErrorDetails, Event, ExecutionStartedDetails, ResultDetails
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
        }
        return {key: value for key, value in told.items() if value is not None}


_ENDS: Final[dict[str, ExecutionStatus]] = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionStopped": "STOPPED",
}


def summarize(arn: str, name: str, function: str, history: Sequence[Event]) -> Summary:
    """Put together what the first and the last event of an execution tell."""
    first, last = history[0], history[-1]
    status = _ENDS.get(last.event_type) or _standing(history)
    has_ended = last.event_type in _ENDS
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
    )


def _standing(history: Sequence[Event]) -> ExecutionStatus:
    """The status of an execution that has not ended."""
    for event in reversed(history):
        if event.event_type in ("ExecutionPaused", "ExecutionResumed"):
            return "PAUSED" if event.event_type == "ExecutionPaused" else "RUNNING"
    return "RUNNING"


def function_arn(execution_arn: str) -> str:
    """The function's part of an execution's ARN."""
    return execution_arn.partition("/durable-execution/")[0]
