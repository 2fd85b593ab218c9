"""Code that a thread runs for a task of the loop: its way there and back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation

T = TypeVar("T")


class Errand(Generic[T]):
    """Code that a thread runs for a task of the loop."""

    __slots__ = ("_code", "_ended", "_error", "_finished", "_invocation", "_is_told", "_value", "is_over")

    def __init__(self, invocation: Invocation, code: Callable[[], T], ended: Callable[[], None]) -> None:
        self._invocation = invocation
        self._code = code
        self._ended = ended
        self._finished: asyncio.Future[None] = invocation.loop.create_future()
        self._value: T
        self._error: BaseException | None = None
        self._is_told = False
        self.is_over = False
        """Whether the code has ended; set by its thread."""

    def work(self) -> None:
        """In the thread: run it, and tell the loop."""
        self.run()
        self.tell()

    def run(self) -> None:
        """In the thread: run it."""
        handled = sys.exception()
        try:
            self._value = self._code()
        except BaseException as error:
            self._error = carried(detached(error, handled))
        self.is_over = True

    def tell(self) -> None:
        """In the thread, when it has been run: tell the loop."""
        try:
            self._invocation.loop.call_soon_threadsafe(self.finish)
        except RuntimeError:
            return  # the loop is closed: nobody waits for it any more

    def finish(self) -> None:
        """On the loop, when it has been run: let who waits for it go on."""
        self._is_told = True
        if not self._finished.done():
            self._finished.set_result(None)
        self._ended()  # after that, so that who waits is ready when the thread is not busy any more

    async def outcome(self) -> T:
        """On the loop: what it returned or raised."""
        await self._finished
        if self._error is not None:
            raise self._error
        return self._value

    async def end(self) -> None:
        """On the loop, after `outcome` was cancelled: wait until it has ended, whatever came of it."""
        if self._is_told:
            return
        self._finished = self._invocation.loop.create_future()
        await self._finished


def detached(error: BaseException, handled: BaseException | None) -> BaseException:
    """An error without the exception that its thread was handling outside of the code that raised it.

    Python hangs that on whatever is raised meanwhile. Code that runs in a task of its own sees none of it; so what is
    recorded of an error is the same wherever the code runs.
    """
    inner = error
    while inner.__context__ is not None and inner is not handled:
        if inner.__context__ is handled:
            inner.__context__ = None
            break
        inner = inner.__context__
    return error


def carried(error: BaseException) -> BaseException:
    """An error as a future can carry it: a coroutine would turn `StopIteration` into the same."""
    if not isinstance(error, StopIteration):
        return error
    carried = RuntimeError("the code raised StopIteration")
    carried.__cause__ = error
    return carried
