"""A coroutine of durable code that is begun before it is cancelled.

A task that is cancelled before its first turn never runs. On a replay nothing takes time, so a cancellation that came
when the task had called operations, and had perhaps ended, comes before that first turn. Where the history has
operations of the task it is begun all the same, comes as far as the history goes, and is cancelled there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from durable_lambda.runtime.operation import cancel_again

T = TypeVar("T")


class Beginning(Coroutine[Any, Any, T]):
    """Args:
    coro: what the task runs.
    counts: whether anything counts still; code of an invocation that is ending is not begun.
    """

    __slots__ = ("_coro", "_counts", "_has_begun")

    def __init__(self, coro: Coroutine[Any, Any, T], counts: Callable[[], bool]) -> None:
        self._coro = coro
        self._counts = counts
        self._has_begun = False

    def send(self, value: Any) -> Any:
        self._has_begun = True
        return self._coro.send(value)

    def throw(self, typ: Any, val: BaseException | object | None = None, tb: TracebackType | None = None) -> Any:
        is_cancellation = isinstance(typ, asyncio.CancelledError) or typ is asyncio.CancelledError
        if self._has_begun or not is_cancellation or not self._counts():
            self._has_begun = True
            error = typ if isinstance(typ, BaseException) else (val if isinstance(val, BaseException) else typ())
            return self._coro.throw(error.with_traceback(tb) if tb is not None else error)
        task = asyncio.current_task()
        assert task is not None
        task.get_loop().call_soon(cancel_again, task)  # where it will wait, before what it newly calls can begin
        return self.send(None)

    def __await__(self) -> Any:
        return self._coro.__await__()

    def close(self) -> None:
        self._coro.close()
