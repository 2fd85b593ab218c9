"""A backend that records what it is sent, and answers at once as the service does.

It keeps just enough state to answer: callback ids, due times, attempts. For everything else there is the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from durable_lambda import Handler
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.updates import OperationUpdate

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST/durable-execution/order-42/5ff6a6d5"
NOW = 1_800_000_000_000


class RecordingBackend:
    """Each entry of `calls` is the updates of one checkpoint; `operations` is the state that they add up to."""

    def __init__(self) -> None:
        self.calls: list[list[OperationUpdate]] = []
        self.operations: dict[str, wire.Operation] = {}
        self.tokens: list[str] = []
        self.news: list[wire.Operation] = []
        """Operations that the outside world changed; the next answer tells them."""
        self.answer: Callable[[list[OperationUpdate], CheckpointResponse], CheckpointResponse] = lambda _, answer: (
            answer
        )

    @property
    def updates(self) -> list[OperationUpdate]:
        return [update for call in self.calls for update in call]

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        self.calls.append(list(updates))
        self.tokens.append(checkpoint_token)
        changed = []
        for update in updates:
            assert update.parent_id is None or update.parent_id in self.operations, "its context has not begun"
            self.operations[update.id] = applied(update, self.operations.get(update.id))
            changed.append(self.operations[update.id])
        changed += self.news
        self.news = []
        answer = CheckpointResponse(f"token-{len(self.calls)}", ExecutionState(changed))
        return self.answer(list(updates), answer)

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        raise AssertionError("nothing here is paged")


class PushingBackend(RecordingBackend):
    """One that tells of changes by itself, as an engine in this process does."""

    def __init__(self) -> None:
        super().__init__()
        self._on_change: Callable[[], None] | None = None

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        self._on_change = on_change

        def end() -> None:
            self._on_change = None

        return end

    @property
    def is_watched(self) -> bool:
        return self._on_change is not None

    def push(self, *operations: wire.Operation) -> None:
        """The outside world changed operations."""
        self.operations.update((operation.id, operation) for operation in operations)
        self.news += operations
        if self._on_change is not None:
            self._on_change()


def applied(update: OperationUpdate, known: wire.Operation | None) -> wire.Operation:
    """The operation after an update."""
    status: dict[str, wire.OperationStatus] = {
        "START": "STARTED",
        "SUCCEED": "SUCCEEDED",
        "FAIL": "FAILED",
        "RETRY": "PENDING",
        "CANCEL": "CANCELLED",
    }
    details: dict[str, Any] = {}
    match update.type:
        case "STEP":
            before = known.step_details.attempt if known and known.step_details else 0
            details["step_details"] = wire.StepDetails(
                before + (update.action != "START"),
                NOW + 1000 * update.step_options.next_attempt_delay_seconds if update.step_options else None,
                update.payload,
                update.error,
            )
        case "WAIT":
            if update.wait_options is not None:
                details["wait_details"] = wire.WaitDetails(NOW + 1000 * update.wait_options.wait_seconds)
        case "CALLBACK":
            details["callback_details"] = wire.CallbackDetails(f"cb-{update.id[:8]}")
        case "CONTEXT":
            replay = update.context_options is not None and update.context_options.replay_children
            details["context_details"] = wire.ContextDetails(replay, update.payload, update.error)
        case _:
            pass
    return wire.Operation(
        update.id, update.type, status[update.action], NOW, update.parent_id, update.name, update.sub_type, **details
    )


def invocation(
    event: Any = None, operations: Sequence[wire.Operation] = (), *, token: str = "token-0"
) -> dict[str, Any]:
    """The event of an invocation with this history."""
    execution = {
        "Id": ARN.rsplit("/", 1)[-1],
        "Name": "order-42",
        "Type": "EXECUTION",
        "Status": "STARTED",
        "StartTimestamp": NOW,
        "ExecutionDetails": {"InputPayload": json.dumps(event)},
    }
    return {
        "DurableExecutionArn": ARN,
        "CheckpointToken": token,
        "InitialExecutionState": {"Operations": [execution, *msgspec.to_builtins(list(operations))], "NextMarker": ""},
    }


def run(handler: Handler[Any, Any], event: Any = None, operations: Sequence[wire.Operation] = ()) -> dict[str, Any]:
    """One invocation of a handler that was made with a backend: its envelope, with the result decoded."""
    envelope = handler(invocation(event, operations), None)
    if "Result" in envelope:
        envelope["Result"] = json.loads(envelope["Result"])
    return envelope
