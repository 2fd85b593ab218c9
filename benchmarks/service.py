"""A durable execution service in memory: it takes whatever it is sent, at once or after a fixed delay.

It speaks the wire's JSON shapes, so that every SDK meets the same service; each subject adapts it to the client that
its library takes. What was recorded can be handed back as the history of a later invocation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

EXECUTION_ID = "0b5f1e9c-6a52-4a0e-9d0c-3f6b1a2c4d5e"
ARN = f"arn:aws:lambda:eu-west-1:123456789012:function:bench:1/durable-execution/bench/{EXECUTION_ID}"

_STATUS = {"START": "STARTED", "SUCCEED": "SUCCEEDED", "FAIL": "FAILED"}
_DETAILS = {"STEP": "StepDetails", "CONTEXT": "ContextDetails"}
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_MILLIS = 1_767_225_600_000


class Service:
    """Args:
    delay: seconds that a checkpoint takes.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.calls = 0
        self.took: list[float] = []
        """Seconds that each call took in here."""
        self._delay = delay
        self._recorded: dict[str, dict[str, Any]] = {}

    def checkpoint(self, updates: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Answer a client that blocks."""
        began = time.perf_counter()
        if self._delay:
            time.sleep(self._delay)
        return self._answer(updates, began)

    async def acheckpoint(self, updates: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Answer a client that awaits."""
        began = time.perf_counter()
        if self._delay:
            await asyncio.sleep(self._delay)
        return self._answer(updates, began)

    def event(self) -> dict[str, Any]:
        """The event of an invocation that knows everything recorded so far; made anew each time."""
        execution = {
            "Id": EXECUTION_ID,
            "Name": "bench",
            "Type": "EXECUTION",
            "Status": "STARTED",
            "StartTimestamp": _MILLIS,
            "ExecutionDetails": {"InputPayload": '{"order": 1}'},
        }
        history = [
            {**operation, "StartTimestamp": _MILLIS, "EndTimestamp": _MILLIS} for operation in self._recorded.values()
        ]
        return {
            "DurableExecutionArn": ARN,
            "CheckpointToken": "token-0",
            "InitialExecutionState": {"Operations": [execution, *history], "NextMarker": ""},
        }

    def forget(self) -> None:
        """Begin anew."""
        self.calls = 0
        self.took.clear()
        self._recorded.clear()

    def _answer(self, updates: Iterable[dict[str, Any]], began: float) -> dict[str, Any]:
        self.calls += 1
        changed = {}
        for update in updates:
            operation = self._operation(update)
            changed[operation["Id"]] = operation
        self._recorded.update(changed)
        self.took.append(time.perf_counter() - began)
        return {
            "CheckpointToken": f"token-{self.calls}",
            "NewExecutionState": {"Operations": list(changed.values()), "NextMarker": ""},
        }

    @staticmethod
    def _operation(update: dict[str, Any]) -> dict[str, Any]:
        operation = {key: update[key] for key in ("Id", "Type", "Name", "ParentId", "SubType") if update.get(key)}
        operation["Status"] = _STATUS[update["Action"]]
        operation["StartTimestamp"] = _MOMENT
        details: dict[str, Any] = {"Attempt": 1} if update["Type"] == "STEP" else {}
        if update.get("Payload") is not None:
            details["Result"] = update["Payload"]
        operation[_DETAILS[update["Type"]]] = details
        return operation
