"""Runs an execution to its end, and then again from every state that its history ever had.

A process may end at any moment, so each state that the service has had is one from which a function may be run again:
whatever it comes to must be what it came to at first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from drive import Execution
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend

MAX_INVOCATIONS = 50


class RememberingBackend(RecordingBackend):
    """Keeps every state that it has had."""

    def __init__(self, operations: dict[str, wire.Operation] | None = None) -> None:
        super().__init__()
        self.operations = dict(operations or {})
        self.states: list[dict[str, wire.Operation]] = []

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        for update in updates:
            known = self.operations.get(update.id)
            assert known is None or not known.is_terminal, f"{update.name} has ended and is updated: {update.action}"
        answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
        self.states.append(dict(self.operations))
        return answer


def go_on(execution: Execution, answers: dict[str, Any] | None = None) -> None:
    """Time passes, and callbacks are answered."""
    before = dict(execution.backend.operations)
    execution.elapse()
    for operation in list(execution.backend.operations.values()):
        if operation.type == "CALLBACK" and operation.status == "STARTED" and operation.name in (answers or {}):
            known = operation.callback_details
            assert known is not None
            details = wire.CallbackDetails(known.callback_id, json.dumps((answers or {})[operation.name]))
            execution.change_by_id(operation, status="SUCCEEDED", callback_details=details)
    assert execution.backend.operations != before, "PENDING with nothing pending"


def to_the_end(execution: Execution, answers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Invoke until the execution ends: its last envelope."""
    for _ in range(MAX_INVOCATIONS):
        envelope = execution.run()
        if envelope["Status"] != "PENDING":
            return envelope
        go_on(execution, answers)
    raise AssertionError("it does not end")


def same_at_every_prefix(fn: Callable[..., Any], answers: dict[str, Any] | None = None, **options: Any) -> Execution:
    """Run a function to its end, and from each state on the way there; they all have to come to the same."""
    backend = RememberingBackend()
    execution = Execution(fn, backend=backend, **options)
    envelope = to_the_end(execution, answers)
    finished = dict(backend.operations)
    assert execution.run() == envelope, "a replay of everything is the same"
    assert execution.sent == [], "a replay of everything sends nothing"
    for state in [*backend.states, finished]:
        told = to_the_end(Execution(fn, backend=RememberingBackend(as_the_service_tells_it(state)), **options), answers)
        assert _told(told) == _told(envelope), "the same without the children of completed contexts"
    for state in backend.states:
        again = Execution(fn, backend=RememberingBackend(state), **options)
        assert _told(to_the_end(again, answers)) == _told(envelope), sorted(str(each.name) for each in state.values())
        assert set(again.backend.operations) == set(finished), "the same operations, with the same ids"
    return execution


def as_the_service_tells_it(operations: dict[str, wire.Operation]) -> dict[str, wire.Operation]:
    """A state without what is below a completed context, unless that was completed with ReplayChildren."""

    def is_left_out(operation: wire.Operation) -> bool:
        parent = operations.get(operation.parent_id or "")
        if parent is None:
            return False
        details = parent.context_details
        return (parent.is_terminal and not (details and details.replay_children)) or is_left_out(parent)

    return {id_: operation for id_, operation in operations.items() if not is_left_out(operation)}


def _told(envelope: dict[str, Any]) -> dict[str, Any]:
    """An envelope without what may differ: the stack of an error that was raised again."""
    error = envelope.get("Error")
    return envelope if error is None else {**envelope, "Error": {k: error[k] for k in ("ErrorType", "ErrorMessage")}}
