"""How an execution's end reaches a program: its result, or an error with everything that was recorded.

And what a program is told instead of an end while the code does not fit an execution's history.
"""

from __future__ import annotations

from typing import Any

from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.values import decode_value
from durable_lambda.errors import (
    ExecutionFailedError,
    ExecutionPausedError,
    ExecutionStoppedError,
    ExecutionTimedOutError,
)
from durable_lambda.protocol.operations import ErrorObject


def result_of(name: str, end: ExecutionEnded) -> Any:
    """The decoded result. Raises `ExecutionFailedError`, `ExecutionTimedOutError`, `ExecutionStoppedError`."""
    if end.status == "SUCCEEDED":
        return decode_value(f"result of execution {name!r}", end.result)
    error = end.error or ErrorObject()
    said = error.error_data if error.error_message is None else error.error_message  # what says nothing says nothing
    reason = ": ".join(part for part in (error.error_type, said) if part)
    if end.status == "TIMED_OUT":
        raise ExecutionTimedOutError(f"execution {name!r} did not end within its execution_timeout")
    if end.status == "STOPPED":
        raise ExecutionStoppedError(f"execution {name!r} was stopped{f': {reason}' if reason else ''}")
    raise ExecutionFailedError(
        f"execution {name!r} failed{f': {reason}' if reason else ''}",
        error_type=error.error_type,
        error_message=error.error_message,
        error_data=error.error_data,
        stack_trace=error.stack_trace,
    )


def paused_error(awaited: ExecutionState, paused: ExecutionState) -> ExecutionPausedError:
    """What stands in the way of an execution: it, or one that it has invoked, is paused until its code is mended."""
    name, function = paused.started.name, paused.started.function
    reason = paused.pause.reason if paused.pause is not None and paused.pause.reason else ""
    waits = "" if awaited is paused else f"execution {awaited.started.name!r} waits for an execution that it invoked:\n"
    return ExecutionPausedError(
        f"{waits}execution {name!r} of {function!r} is paused: its code does not fit its history.\n{reason}\n\n"
        "Nothing is lost. Mend the code and run it again on the same file, or register the mended function with this "
        "engine: the execution goes on where it stood.",
        execution_name=name,
        reason=reason,
    )
