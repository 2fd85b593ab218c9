"""What an engine is asked for, on its loop: start and stop executions, answer callbacks, find and read.

Each command changes states at once and is acknowledged when the round's commit is done; the caller sees to that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable_lambda.engine.errors import UnknownExecutionError
from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.machine.batch import Change, text_size
from durable_lambda.engine.machine.due import decide_due
from durable_lambda.engine.machine.identity import execution_id_in, new_execution_id
from durable_lambda.engine.machine.log import recover
from durable_lambda.engine.machine.outside import (
    decide_callback_failure,
    decide_callback_heartbeat,
    decide_callback_success,
    decide_pause,
    decide_resume,
    decide_stop,
)
from durable_lambda.engine.machine.pause import PauseRequested
from durable_lambda.engine.machine.records import ExecutionStarted
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.store import ExecutionRow, ExecutionStore, StoreReader
from durable_lambda.errors import ExecutionAlreadyStartedError, ValidationError
from durable_lambda.protocol.errors import (
    UNKNOWN_CALLBACK,
    UNKNOWN_EXECUTION,
    ResourceConflictException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.operations import ErrorObject

if TYPE_CHECKING:
    from durable_lambda.engine.host import Host


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What is sent for a callback: a success with its payload, a failure with its error, or neither, a heartbeat."""

    callback_id: str
    is_success: bool = False
    payload: str | None = None
    error: ErrorObject | None = None


def start_execution(host: Host, function: str, payload: str | None, name: str | None) -> ExecutionRow:
    """Begin an execution, or find the one that has that name and payload already.

    Raises `ValidationError` for a function that is not registered or an event that is too large,
    `ExecutionAlreadyStartedError` for another payload.
    """
    registration = host.functions.get(function)
    if registration is None:
        if function in host.plain:
            raise ValidationError(
                f"{function!r} is a plain function, which ctx.invoke can call; to start executions of it, make it "
                f"durable: @durable_execution"
            )
        known = ", ".join(sorted(host.functions)) or "none yet: call engine.register(…) first"
        raise ValidationError(f"no function is registered as {function!r}; registered: {known}")
    if text_size(payload) > host.limits.execution_payload:
        raise ValidationError(
            f"the event is larger than {host.limits.execution_payload} bytes as JSON (the service's limit); "
            f"store it elsewhere and send a reference"
        )
    if name is not None:
        hosted = host.names.get((function, name))
        row = hosted.row if hosted is not None else host.store.find_by_name(function, name)
        if row is not None:
            if row.payload_digest != _digest(payload):
                raise ExecutionAlreadyStartedError(
                    f"{function!r} has an execution named {name!r} already, started with another event; give the same "
                    f"event to attach to it, or another execution_name to start a new one"
                )
            return row
    execution_id = new_execution_id(host.entropy)
    now, timeout = host.clock.now(), registration.execution_timeout
    return begin_execution(host, ExecutionStarted(now, execution_id, name or execution_id, function, payload, timeout))


def begin_execution(host: Host, started: ExecutionStarted) -> ExecutionRow:
    """Begin an execution of a registered function, whose name is free."""
    row = ExecutionRow(
        host.last_key + 1,
        started.id,
        started.function,
        started.name,
        "RUNNING",
        started.at,
        None,
        _digest(started.payload),
        host.functions[started.function].retention,
    )
    hosted = Hosted(row, ExecutionState(started, host.entropy))
    host.commit.start(hosted)
    host.last_key += 1
    host.enter(hosted)
    return row


def stop_execution(host: Host, execution_id: str, error: ErrorObject | None) -> int:
    """End an execution; one that has ended stays as it is. Returns when it ended.

    Raises `UnknownExecutionError`.
    """
    hosted = host.live.get(execution_id)
    if hosted is None:
        row = host.store.find(execution_id)
        if row is None or row.ended_at is None:
            raise UnknownExecutionError(f"there is no execution with the id {execution_id}")
        return row.ended_at
    _change(host, hosted, decide_stop(hosted.state, error, _let_due_happen(host, hosted)))
    ended = hosted.state.ended
    assert ended is not None
    return ended.at


def pause_execution(host: Host, execution_id: str, request: PauseRequested) -> None:
    """Pause an execution. Raises `ResourceConflictException` for one that has ended or is paused."""
    hosted = host.live.get(execution_id)
    if hosted is None:
        raise ResourceConflictException("The durable execution has ended and cannot be paused.")
    _let_due_happen(host, hosted)
    _change(host, hosted, decide_pause(hosted.state, request))


def resume_execution(host: Host, execution_id: str, reason: str | None, client_token: str | None) -> None:
    """Let a paused execution go on. Raises `ResourceConflictException` for one that is not paused."""
    hosted = host.live.get(execution_id)
    if hosted is None:
        raise ResourceConflictException("The durable execution has ended and cannot be resumed.")
    now = _let_due_happen(host, hosted)
    _change(host, hosted, decide_resume(hosted.state, reason, client_token, now))


def delete_execution(host: Host, execution_id: str) -> int:
    """Forget an execution that has ended. Returns the moment.

    Raises `ResourceConflictException` for one that has not, `ResourceNotFoundException`, `StoreError`.
    """
    row = host.store.find(execution_id)
    if row is None:
        raise ResourceNotFoundException(UNKNOWN_EXECUTION)
    if execution_id in host.live or row.ended_at is None:
        raise ResourceConflictException("The durable execution has not ended; stop it before it can be deleted.")
    host.store.delete(row.key)
    return host.clock.now()


def answer_callback(host: Host, answer: CallbackAnswer) -> None:
    """Complete a callback, or note its heartbeat.

    Raises `ResourceNotFoundException` for an id that was not given, `CallbackTimeoutException` for a callback that is
    closed, `InvalidParameterValueException` for a payload that is too large.
    """
    execution_id = execution_id_in(answer.callback_id)
    if execution_id is None:
        raise ResourceNotFoundException(UNKNOWN_CALLBACK)
    hosted = host.live.get(execution_id)
    if hosted is not None:
        now = _let_due_happen(host, hosted)
        _change(host, hosted, _decide_answer(host, hosted.state, answer, now))
        return
    row = host.store.find(execution_id)
    if row is None:
        raise ResourceNotFoundException(UNKNOWN_CALLBACK)
    # The execution has ended: what is decided is which error it is.
    _decide_answer(host, recover(host.store.log(row.key), host.entropy), answer, host.clock.now())


def find_execution(store: StoreReader | ExecutionStore, name_or_arn: str) -> ExecutionRow:
    """The execution of an ARN or name. Raises `UnknownExecutionError`, `ValidationError` if several have the name."""
    if ":" in name_or_arn:
        row = store.find(name_or_arn.rpartition("/")[2])
        if row is None:
            raise UnknownExecutionError(f"there is no execution {name_or_arn}")
        return row
    rows = store.named(name_or_arn)
    if not rows:
        raise UnknownExecutionError(f"there is no execution named {name_or_arn!r}")
    if len(rows) > 1:
        functions = ", ".join(row.function for row in rows)
        raise ValidationError(f"several functions have an execution named {name_or_arn!r} ({functions}); give its ARN")
    return rows[0]


def _digest(payload: str | None) -> bytes:
    return hashlib.sha256((payload or "").encode("utf-8")).digest()


def _decide_answer(host: Host, state: ExecutionState, answer: CallbackAnswer, now: int) -> list[Change]:
    if answer.is_success:
        return decide_callback_success(state, answer.callback_id, answer.payload, host.limits, now)
    if answer.error is not None:
        return decide_callback_failure(state, answer.callback_id, answer.error, host.limits, now)
    return decide_callback_heartbeat(state, answer.callback_id, now)


def _let_due_happen(host: Host, hosted: Hosted) -> int:
    now = host.clock.now()
    _change(host, hosted, decide_due(hosted.state, now))
    return now


def _change(host: Host, hosted: Hosted, changes: list[Change]) -> None:
    if changes:
        host.commit.change(hosted, changes)
