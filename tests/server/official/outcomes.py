"""What came of a program, read from its history, so that two can be held against each other."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

KINDS = re.compile("(Context|Step|Wait|Callback|ChainedInvoke)(.*)")
BY_TIME_OR_FROM_OUTSIDE = {
    "WaitSucceeded",
    "CallbackSucceeded",
    "CallbackFailed",
    "CallbackTimedOut",
    "ChainedInvokeSucceeded",
    "ChainedInvokeFailed",
}
OF_ONE_RUN_ALONE = {"CallbackId", "DurableExecutionArn", "EndTimestamp", "RequestId", "ScheduledEndTimestamp"}

Event = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How an execution ended, and its events in the shape of the service's answers."""

    status: str
    result: str | None
    error: dict[str, Any] | None
    events: list[Event]

    @classmethod
    def read(cls, told: dict[str, Any]) -> Outcome:
        """From an answer that has the execution's end and its events."""
        return cls(told["Status"], told.get("Result"), told.get("Error"), told["Events"])

    @property
    def end(self) -> tuple[str, Any, Any]:
        """Status, result, and error."""
        return self.status, self.result and json.loads(self.result), self.error

    @property
    def operations(self) -> dict[str, tuple[Any, ...]]:
        """By id: parent, sub type, name, type, status, and how often it was begun, for a step."""
        return {
            id_: (
                *(events[0].get(key) for key in ("ParentId", "SubType", "Name")),
                *(in_capitals(word) for word in KINDS.fullmatch(events[-1]["EventType"]).groups()),
                [event["EventType"] for event in events].count("StepStarted"),
            )
            for id_, events in self._by_operation().items()
        }

    @property
    def histories(self) -> dict[str, list[tuple[str, Any]]]:
        """By an operation's id: its events, with what they tell and the runner tells as well."""
        return {
            id_: [(event["EventType"], details_of(event)) for event in events]
            for id_, events in self._by_operation().items()
        }

    @property
    def order(self) -> list[tuple[str, Any]]:
        """What the function did, from its beginning to its end. Timers and answers come when they come."""
        return [
            (each["EventType"], each.get("Id") if KINDS.fullmatch(each["EventType"]) else None)
            for each in self.events
            if each["EventType"] not in {*BY_TIME_OR_FROM_OUTSIDE, "InvocationCompleted"}
        ]

    @property
    def failed_invocations(self) -> list[Any]:
        """The errors of invocations that the service would make again."""
        ends = [
            each["InvocationCompletedDetails"] for each in self.events if each["EventType"] == "InvocationCompleted"
        ]
        return [end["Error"]["Payload"] for end in ends if end.get("Error", {}).get("Payload")]

    def _by_operation(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if KINDS.fullmatch(event["EventType"]):
                found.setdefault(event["Id"], []).append(event)
        return found


def in_capitals(word: str) -> str:
    """As operations call it: TIMED_OUT for TimedOut."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", word).upper()


def details_of(event: Event) -> dict[str, Any]:
    """What an event tells, without what is of one run alone, and without what the runner leaves out or has otherwise.

    The latter is listed in `docs/compatibility.md`. It is right here: the service's model or the public conformance
    tests say so.
    """
    event_type = event["EventType"]
    told = event.get(f"{event_type}Details") or {}
    details = {key: value for key, value in told.items() if key not in OF_ONE_RUN_ALONE}
    for member in ("Input", "Result", "Error"):
        if member in details:
            details[member] = details[member].get("Payload")
    retry = details.pop("RetryDetails", {})
    delay = retry.get("NextAttemptDelaySeconds")
    if event_type == "StepFailed" or delay:
        details["RetryDetails"] = (retry["CurrentAttempt"], delay or None)
    match event_type:
        case "StepSucceeded" if delay:
            del details["Result"]
        case "CallbackStarted":
            details = {}
        case "CallbackTimedOut":
            details["Error"] = details["Error"]["ErrorType"]
        case "ChainedInvokeStarted":
            details = {"FunctionName": details["FunctionName"]}
    return details
