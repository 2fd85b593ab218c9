"""`Operation[T]`: what a call of an operation returns.

It is identified and started when it is called, so it may be awaited later, in another order, or more than once. It is a
`collections.abc.Coroutine`, which is what `gather`, `TaskGroup.create_task` and `wait_for` accept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from durable_lambda.errors import Suspended

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation

T = TypeVar("T")

_RUNNING: Final = object()
_REFUSED: Final = object()


class Operation(Coroutine[Any, Any, T], Generic[T]):
    """A durable operation under way or done. Await it for its result.

    A result may be awaited any number of times. Cancelling who awaits it cancels the operation, as with a task.
    """

    __slots__ = ("_driver", "_error", "_invocation", "_task", "_value", "awaiters", "label")

    def __init__(self, value: object = _RUNNING, *, label: str = "", error: BaseException | None = None) -> None:
        self._value = value
        self._error = error
        self._task: asyncio.Task[T] | None = None
        self._invocation: Invocation | None = None
        self._driver: Generator[Any, Any, T] | None = None
        self.label = label
        """The operation as messages name it: `step 'charge'`."""
        self.awaiters = 0
        """How many await it now. An invocation is suspended only when somebody waits."""

    @classmethod
    def failed(cls, error: BaseException) -> Operation[Any]:
        """An operation that is known to have failed."""
        failed: Operation[Any] = cls(error=error)
        return failed

    @classmethod
    def refused(cls, invocation: Invocation, label: str) -> Operation[Any]:
        """An operation that was called while its invocation is being unwound."""
        refused: Operation[Any] = cls(_REFUSED, label=label)
        refused._invocation = invocation
        return refused

    def run_by(self, task: asyncio.Task[T]) -> None:
        """Leave the outcome to a task."""
        self._task = task

    @property
    def task(self) -> asyncio.Task[T] | None:
        """The task that executes it, unless it was replayed."""
        return self._task

    def done(self) -> bool:
        """Whether its outcome is known."""
        return self._task.done() if self._task is not None else self._value is not _REFUSED

    def __await__(self) -> Generator[Any, Any, T]:
        if self._task is not None:
            self.awaiters += 1
            try:
                return (yield from self._task)
            finally:
                self.awaiters -= 1
        if self._error is not None:
            raise self._error
        if self._value is _REFUSED:
            yield from self._refuse()
        return cast("T", self._value)

    def _refuse(self) -> Generator[Any, Any, None]:
        """Let the loop turn first: code that ignores every refusal must not stop it."""
        yield
        assert self._invocation is not None
        if self._invocation.is_abandoned:
            yield from asyncio.get_running_loop().create_future()
        raise Suspended(
            f"{self.label} was called while its invocation is being suspended: nothing durable can be done in "
            "`finally` or after a caught CancelledError; let the cancellation pass",
            code="SUSPENDING",
        )

    # The coroutine protocol, for `create_task` and its kin.

    def send(self, value: Any) -> Any:
        if self._driver is None:
            self._driver = self.__await__()
        return self._driver.send(value)

    def throw(self, typ: Any, val: BaseException | object | None = None, tb: TracebackType | None = None) -> Any:
        if self._driver is None:
            self._driver = self.__await__()
        error = typ if isinstance(typ, BaseException) else (val if isinstance(val, BaseException) else typ())
        return self._driver.throw(error.with_traceback(tb) if tb is not None else error)

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()
