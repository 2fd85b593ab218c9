"""Races of asyncio over operations, which always-replay refuses: time-outs, the first of several, what is done first.

Who was first, and whether something was done in time, is not in the history. In a test every body is done at once, so
such a race has one end there and a replay may come to the same by luck; it is found by looking at what waits for
operations.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from contextvars import Context
from typing import Any, Final

from durable_lambda.errors import NonDeterministicExecutionError
from durable_lambda.loop import CURRENT
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.invocation import Invocation
from durable_lambda.runtime.strand import CodeStrand

# What asyncio leaves on its loop and on its tasks has no public names.
_TIMER_OF_WAIT: Final[Any] = asyncio.tasks._release_waiter  # type: ignore[attr-defined]
_AS_COMPLETED: Final = ("as_completed.<locals>._on_completion", "_AsCompletedIterator._handle_completion")
_WAIT: Final = "_wait.<locals>._on_completion"

_TIMEOUT: Final = (
    "is called inside a time-out of asyncio (`timeout`, `wait_for`, `wait` with one). Whether it was done in time is",
    '`await ctx.timeout("…", seconds, fn)`',
)
_FIRST: Final = (
    "is called beside an `asyncio.as_completed`, or an `asyncio.wait` for the first. Who was first is",
    '`await ctx.first("…", a=…, b=…)`',
)


def refuse_races(call: Call[Any]) -> None:
    """End the execution if the code that has called an operation lets asyncio decide over operations.

    Raises `NonDeterministicExecutionError` then.
    """
    invocation = call.scope.invocation
    found = _TIMEOUT if _is_timed(invocation) else _FIRST if _is_race(invocation) else None
    if found is None:
        return
    why, instead = found
    error = NonDeterministicExecutionError(
        f"{call.label} {why} not in the history, so a replay may decide otherwise; {instead} records it",
        operation_name=call.name,
        operation_id=call.id,
    )
    invocation.fail(error)
    raise error


def _is_timed(invocation: Invocation) -> bool:
    """Whether the code that has called an operation has set a time-out that runs."""
    strand = CURRENT.get()
    timers: list[Any] = [
        timer
        for timer in getattr(invocation.loop, "_scheduled", ())
        if not timer.cancelled() and timer._context.get(CURRENT) is strand
    ]
    if not timers:
        return False
    timed = {task for task, operation in invocation.tasks.items() if operation is None}  # a step times its own body
    return any(timer._callback is _TIMER_OF_WAIT or _timed_by(timer._callback) in timed for timer in timers)


def _timed_by(callback: Any) -> object:
    """The task that `asyncio.timeout` will end, if that is what calls back."""
    deadline = getattr(callback, "__self__", None)
    return getattr(deadline, "_task", None) if isinstance(deadline, asyncio.Timeout) else None


def _is_race(invocation: Invocation) -> bool:
    """Whether durable code waits for whichever of its tasks is done first."""
    return any(
        _is_for_the_first(callback)
        for task in invocation.tasks
        for callback, context in _callbacks(task)
        if isinstance(context.get(CURRENT), CodeStrand)
    )


def _callbacks(task: Any) -> Iterator[tuple[Any, Context]]:
    yield from task._callbacks or ()


def _is_for_the_first(callback: Any) -> bool:
    name = getattr(callback, "__qualname__", "")
    if name == _WAIT:
        return inspect.getclosurevars(callback).nonlocals.get("return_when") != asyncio.ALL_COMPLETED
    return name in _AS_COMPLETED
