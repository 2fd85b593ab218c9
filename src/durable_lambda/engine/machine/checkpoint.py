"""The checkpoint call: its token, its batch of updates, its answer.

A batch is stored whole or not at all. It is judged over an overlay (`Batch`), update by update, in the order sent; the
rules of each operation type are in the type's module. Messages are the service's, since SDKs compare them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from durable_lambda.engine.machine import callback, chained_invoke, context, records, step, wait
from durable_lambda.engine.machine.batch import Batch, Change, refuse, text_size
from durable_lambda.engine.machine.identity import execution_id_in
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.machine.targets import Targets
from durable_lambda.protocol import limits as bounds
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.backend import ExecutionState as StatePage
from durable_lambda.protocol.errors import INVALID_CHECKPOINT_TOKEN
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.protocol.updates import OperationUpdate

FOREIGN_TOKEN: Final = "Checkpoint token is not valid for the durable execution ARN"

RULES: Final[dict[str, Callable[[OperationUpdate, Operation | None, Batch], None]]] = {
    "STEP": step.decide,
    "CONTEXT": context.decide,
    "WAIT": wait.decide,
    "CALLBACK": callback.decide,
    "CHAINED_INVOKE": chained_invoke.decide,
}

_NO_TARGETS = Targets()

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[\x20-\x7E]+")


class Checkpoint(msgspec.Struct):
    """An accepted checkpoint: what to apply, and the ids of the operations that the batch itself changed."""

    changes: list[Change]
    updated: list[str]
    children: list[records.ExecutionStarted]
    """Executions to begin in the same transaction."""


def repeated_answer(state: ExecutionState, token: str, client_token: str | None) -> CheckpointResponse | None:
    """The answer once more, if the request is the last one sent again; `None` for a new request with a valid token.

    Raises `InvalidParameterValueException` for any other token.
    """
    invocation = state.invocation
    if invocation is not None:
        if token == invocation.token and state.is_running:
            return None
        if token == invocation.spent_token and client_token is not None and client_token == invocation.client_token:
            return invocation.answer
    return check_token(state, token)


def check_token(state: ExecutionState, token: str) -> None:
    """Raise `InvalidParameterValueException` unless the token is the one that was given last."""
    if state.invocation is not None and token == state.invocation.token and state.is_running:
        return
    owner = execution_id_in(token)
    raise refuse(INVALID_CHECKPOINT_TOKEN if owner is None or owner == state.id else FOREIGN_TOKEN)


def decide_checkpoint(
    state: ExecutionState, updates: Sequence[OperationUpdate], limits: Limits, now: int, targets: Targets = _NO_TARGETS
) -> Checkpoint:
    """Judge a batch whose token is valid. Raises `InvalidParameterValueException`, and then nothing is changed."""
    batch = Batch(state, limits, now, targets)
    first_actions: dict[str, str] = {}
    last = len(updates) - 1
    end: records.ExecutionEnded | None = None
    for position, update in enumerate(updates):
        if update.type == "EXECUTION":
            if end is not None:
                raise refuse("Cannot checkpoint multiple EXECUTION updates.")
            if position != last:
                several = any(other.type == "EXECUTION" for other in updates[position + 1 :])
                raise refuse(
                    "Cannot checkpoint multiple EXECUTION updates."
                    if several
                    else "EXECUTION checkpoint must be the last update."
                )
            end = _end(update, batch)
            continue
        operation = batch.operation(update.id)
        _check_repetition(first_actions, update)
        if operation is None:
            _check_new(update, batch)
        else:
            _check_identity(update, operation)
        RULES[update.type](update, operation, batch)
    return _conclude(state, batch, end, limits, now)


def answer_checkpoint(
    state: ExecutionState, updated: Sequence[str], token: str, client_token: str | None
) -> CheckpointResponse:
    """Spend the token and tell what changed: the batch's own operations, and what changed from outside before.

    Called when the changes are applied. There is no next token when the execution has ended.
    """
    unseen = state.unseen
    for key in updated:
        unseen[key] = None
    operations = state.operations
    changed = [operations[key] for key in unseen]
    state.unseen = {}
    invocation = state.invocation
    answer = CheckpointResponse(None, StatePage(list(changed)))
    if invocation is not None:
        if state.is_running:
            answer.checkpoint_token = state.ids.next_token()
        invocation.token = answer.checkpoint_token
        invocation.spent_token = token
        invocation.client_token = client_token
        invocation.answer = answer
    return answer


def _conclude(
    state: ExecutionState, batch: Batch, end: records.ExecutionEnded | None, limits: Limits, now: int
) -> Checkpoint:
    """The batch's changes with what belongs around them: the invocation's start before, the execution's end after.

    A batch that exceeds a quota is not stored: the execution ends instead.
    """
    invocation = state.invocation
    assert invocation is not None
    changes, updated, children = batch.changes, list(batch.changed), batch.children
    excess = _excess(state, batch, limits)
    if excess is not None:
        end = records.ExecutionFailed(now, None, ErrorObject("QuotaExceeded", excess))
        changes, updated, children = [], [], []
    if end is not None:
        completed = records.InvocationCompleted(now, invocation.request_id, invocation.started_at, None)
        return Checkpoint([*changes, (completed, None), (end, None)], updated, children)
    if changes and not invocation.is_recorded:
        changes = [(records.InvocationStarted(invocation.started_at, invocation.request_id), None), *changes]
    return Checkpoint(changes, updated, children)


def _excess(state: ExecutionState, batch: Batch, limits: Limits) -> str | None:
    """Which quota of the execution the batch exceeds."""
    started = sum(1 for key in batch.changed if key not in state.operations)
    if len(state.operations) - 1 + started > limits.operations:  # the EXECUTION is none
        return (
            f"The execution would have {len(state.operations) - 1 + started} durable operations, the limit is "
            f"{limits.operations}. Do more in each step, or give parts of the work executions of their own with a "
            "chained invoke; an engine may allow more: Engine(limits=Limits(operations=...))."
        )
    if state.data + batch.data > limits.execution_data:
        return (
            f"The execution would have checkpointed {state.data + batch.data} bytes, the limit is "
            f"{limits.execution_data}. Store large values elsewhere and checkpoint where they are; an engine may allow "
            "more: Engine(limits=Limits(execution_data=...))."
        )
    return None


def _end(update: OperationUpdate, batch: Batch) -> records.ExecutionEnded:
    if update.action == "SUCCEED":
        if update.error is not None:
            raise refuse("Cannot provide an Error for SUCCEED action.")
        check_result(update.payload, batch.limits)
        return records.ExecutionSucceeded(batch.now, update.payload)
    if update.action == "FAIL":
        if update.payload is not None:
            raise refuse("Cannot provide a Payload for FAIL action.")
        error = update.error or ErrorObject()
        batch.check_error(error)
        return records.ExecutionFailed(batch.now, None, error)
    raise refuse("Invalid action for the given operation type.")


def check_result(result: str | None, limits: Limits) -> None:
    """Refuse an execution's result that is too large."""
    if text_size(result) > limits.execution_payload:
        raise refuse(f"Execution output payload size must be less than or equal to {limits.execution_payload} bytes.")


def _check_repetition(first_actions: dict[str, str], update: OperationUpdate) -> None:
    first = first_actions.get(update.id)
    if first is None:
        first_actions[update.id] = update.action
        return
    closes = first == "START" and update.action in ("SUCCEED", "FAIL", "RETRY")
    if not closes or update.type not in ("STEP", "CONTEXT"):
        raise refuse("Cannot update the same operation twice in a single request.")
    first_actions[update.id] = update.action


def _check_new(update: OperationUpdate, batch: Batch) -> None:
    _check_text("updates.member.id", update.id, _ID, bounds.MAX_OPERATION_ID)
    if update.name is not None:
        _check_text("updates.member.name", update.name, _NAME, bounds.MAX_OPERATION_NAME)
    if update.sub_type is not None:
        _check_text("updates.member.subType", update.sub_type, _ID, bounds.MAX_SUB_TYPE)
    if update.parent_id is not None:
        parent = batch.operation(update.parent_id)
        if parent is None or parent.type != "CONTEXT":
            raise refuse("Invalid parent operation id.")


def _check_text(what: str, text: str, pattern: re.Pattern[str], longest: int) -> None:
    if len(text) > longest:
        constraint = f"Member must have length less than or equal to {longest}"
    elif not text:
        constraint = "Member must have length greater than or equal to 1"
    elif pattern.fullmatch(text) is None:
        constraint = f"Member must satisfy regular expression pattern: {pattern.pattern}"
    else:
        return
    raise refuse(f"1 validation error detected: Value '{text}' at '{what}' failed to satisfy constraint: {constraint}")


def _check_identity(update: OperationUpdate, operation: Operation) -> None:
    if update.type != operation.type:
        raise refuse("Inconsistent operation type.")
    if update.sub_type is not None and update.sub_type != operation.sub_type:
        raise refuse("Inconsistent operation subtype.")
    if update.name is not None and update.name != operation.name:
        raise refuse("Inconsistent operation name.")
    if update.parent_id is not None and update.parent_id != operation.parent_id:
        raise refuse("Inconsistent parent operation id.")
