"""`Operation[T]`: what a call of an operation returns.

It is identified and started when it is called, so it may be awaited later, in another order, or more than once. It is a
`collections.abc.Coroutine`, which is what `gather`, `TaskGroup.create_task` and `wait_for` accept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast

from durable_lambda.errors import Suspended

T = TypeVar("T")

_RUNNING: Final = object()
_REFUSED: Final = object()
_PARKED: Final = object()


class Operation(Coroutine[Any, Any, T], Generic[T]):
    """A durable operation under way or done. Await it for its result.

    A result may be awaited any number of times. Cancelling who awaits it cancels the operation, as with a task.
    """

    __slots__ = (
        "_counts",
        "_driver",
        "_error",
        "_refusal",
        "_task",
        "_value",
        "awaiters",
        "label",
        "was_cancelled_late",
    )

    def __init__(self, value: object = _RUNNING, *, label: str = "", error: BaseException | None = None) -> None:
        self._value = value
        self._error = error
        self._task: asyncio.Task[T] | None = None
        self._counts: Callable[[], bool]
        self._refusal = ""
        self._driver: Generator[Any, Any, T] | None = None
        self.label = label
        """The operation as messages name it: `step 'charge'`."""
        self.was_cancelled_late = False
        """Whether it was cancelled when its outcome was on its way already."""
        self.awaiters = 0
        """How many await it now. An invocation is suspended only when somebody waits."""

    @classmethod
    def failed(cls, error: BaseException) -> Operation[Any]:
        """An operation that is known to have failed."""
        failed: Operation[Any] = cls(error=error)
        return failed

    @classmethod
    def refused(cls, label: str, why: str, *, park: bool) -> Operation[Any]:
        """An operation that was called when its outcome cannot count any more.

        Awaiting it raises `Suspended`, or waits for ever where code has ignored that before (`park`).
        """
        refused: Operation[Any] = cls(_PARKED if park else _REFUSED, label=label)
        refused._refusal = why
        return refused

    if not TYPE_CHECKING:  # a type checker knows what there is

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"an operation has no {name!r}: await it, and ask what it gives")

    def run_by(self, task: asyncio.Task[T], counts: Callable[[], bool]) -> None:
        """Leave the outcome to a task; `counts`: whether anything that happens there counts still."""
        self._task = task
        self._counts = counts

    @property
    def task(self) -> asyncio.Task[T] | None:
        """The task that executes it, unless it was replayed."""
        return self._task

    @property
    def error(self) -> BaseException | None:
        """What it is known to have failed with, when it was replayed."""
        return self._error

    def done(self) -> bool:
        """Whether its outcome is known."""
        return (
            self._task.done() if self._task is not None else self._value is not _REFUSED and self._value is not _PARKED
        )

    def result(self) -> T:
        """The outcome, once it is known: returned, or raised."""
        if self._task is not None:
            return self._task.result()
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def __await__(self) -> Generator[Any, Any, T]:
        if self._task is not None:
            self.awaiters += 1
            try:
                return (yield from self._task)
            except asyncio.CancelledError:
                if not self._is_settled():
                    raise
                # It was done already, only not yet looked at: the outcome is in the history, so the code gets it.
                self.was_cancelled_late = True
                return self._task.result()
            finally:
                self.awaiters -= 1
                if self.was_cancelled_late:
                    self._pass_on_cancellation()
        if self._error is not None:
            raise self._error
        if self._value is _REFUSED or self._value is _PARKED:
            yield from self._refuse()
        return cast("T", self._value)

    def _counts_still(self) -> bool:
        if self._task is not None:
            return self._counts()
        return self._value is not _REFUSED and self._value is not _PARKED

    def _is_settled(self) -> bool:
        """Whether its outcome is recorded, and counts."""
        task = self._task
        return task is not None and task.done() and not task.cancelled() and self._counts()

    def _pass_on_cancellation(self) -> None:
        """Who awaited it was cancelled, and got the outcome all the same: it is cancelled where it awaits next."""
        task = asyncio.current_task()
        if task is not None and task.cancelling() and task.get_coro() is not self:
            task.get_loop().call_soon(cancel_again, task)

    def _refuse(self) -> Generator[Any, Any, None]:
        """Let the loop turn first: code that ignores every refusal must not stop it."""
        yield
        if self._value is _PARKED:
            yield from asyncio.get_running_loop().create_future()
        raise Suspended(
            f"{self.label} was called when {self._refusal}: nothing durable can be done in `finally` or after a caught "
            "CancelledError; let the cancellation pass",
            code="ENDING",
        )

    # The coroutine protocol, for `create_task` and its kin.

    def send(self, value: Any) -> Any:
        if self._driver is None:
            self._driver = self.__await__()
        return self._driver.send(value)

    def throw(self, typ: Any, val: BaseException | object | None = None, tb: TracebackType | None = None) -> Any:
        error = typ if isinstance(typ, BaseException) else (val if isinstance(val, BaseException) else typ())
        if self._driver is None:
            self._driver = self.__await__()
            if isinstance(error, asyncio.CancelledError) and self._counts_still():
                # The task that is to await it is cancelled before it has begun. On a replay nothing takes time, so
                # that may be a cancellation that came long after: what awaits it comes to the same either way.
                if self._task is not None:
                    self._task.cancel()
                return self._driver.send(None)
        return self._driver.throw(error.with_traceback(tb) if tb is not None else error)

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()


def cancel_again(task: asyncio.Task[Any]) -> None:
    """Cancel a task by a request that it has had before."""
    if not task.done():
        task.cancel()
        task.uncancel()  # it is the same request
