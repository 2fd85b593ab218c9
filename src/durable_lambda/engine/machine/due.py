"""What becomes due: waits that end, attempts that may begin, callbacks and executions that run out of time."""

from __future__ import annotations

import heapq

from durable_lambda.engine.machine import callback, records, step, wait
from durable_lambda.engine.machine.batch import Change
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.protocol.operations import Operation, epoch_seconds

_ANSWERED = ("CALLBACK", "CHAINED_INVOKE")
"""What somebody else has to move; the target of an invoke may go on by itself, and is asked then."""


def next_due(state: ExecutionState, resume_at: int | None = None) -> int | None:
    """The next moment at which something happens by itself: a timer, or the invocation at `resume_at`."""
    if not state.is_running:
        return None
    due = state.due
    while due and _is_outlived(state, *due[0]):
        heapq.heappop(due)
    timer = due[0][0] if due else None
    if timer is None or resume_at is None:
        return resume_at if timer is None else timer
    return min(timer, resume_at)


def goes_on_by_itself(state: ExecutionState) -> bool:
    """Whether time alone makes it go on: a wait, a retry, or an invocation that is due later."""
    if not state.is_running:
        return False
    if state.resume_at is not None and state.pause is None:
        return True
    return any(state.operations[key].type not in _ANSWERED for key in state.blocked)


def decide_due(state: ExecutionState, now: int) -> list[Change]:
    """What is due by now. Entries leave the heap with it, so what comes back has to be applied."""
    changes: list[Change] = []
    expired: set[str] = set()
    due = state.due
    while due and due[0][0] <= now and state.is_running:
        moment, key = heapq.heappop(due)
        if key in expired or _is_outlived(state, moment, key):
            continue
        expired.add(key)
        if key == state.id:
            # The end of the execution is the end of its timers.
            return [*changes, (records.ExecutionTimedOut(now), None)]
        operation = state.operations[key]
        record = _expire(state, operation, moment, now)
        changes.append((record, record.evolve(operation)))
    return changes


def _expire(state: ExecutionState, operation: Operation, moment: int, now: int) -> records.OperationRecord:
    if operation.type == "STEP":
        return step.StepReady(now, operation.id)
    if operation.type == "WAIT":
        return wait.WaitSucceeded(
            now, operation.id, round(epoch_seconds(moment) - epoch_seconds(operation.start_timestamp))
        )
    in_time = state.deadlines[operation.id].timeout_at != moment
    return callback.CallbackTimedOut(now, operation.id, callback.HEARTBEAT_MISSED if in_time else callback.TIMED_OUT)


def _is_outlived(state: ExecutionState, moment: int, key: str) -> bool:
    """Whether the entry's operation no longer waits for that moment."""
    if key == state.id:
        return moment != state.deadline
    if key not in state.blocked:
        return True
    operation = state.operations[key]
    if operation.step_details is not None:
        return operation.step_details.next_attempt_timestamp != moment
    if operation.type == "CALLBACK":
        return state.deadlines[key].next() != moment
    return False
