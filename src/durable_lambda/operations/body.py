"""Runs the body of a step: on the loop, or on a thread, with a deadline.

An `async def` runs on the loop. Any other callable runs on a thread, so that one that blocks does not stop the others;
a coroutine that it returns is awaited on the loop. A thread cannot be stopped: when its time is over its outcome is
discarded, and the invocation stays until it has ended, so that no second attempt runs beside it.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from durable_lambda.arguments import is_async
from durable_lambda.loop import working_elsewhere
from durable_lambda.runtime.scope import Scope

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from durable_lambda.runtime.bridge import Meeting

MAX_THREADS: Final = 64
"""Bodies that run on threads at the same time, in this process; more wait their turn."""


@functools.cache
def _threads() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # late: many functions never need a thread

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="durable-step")


class Body:
    """A callable with its arguments, run once an attempt.

    Args:
        fn: What to run.
        args: Its arguments.
        inline: Run it where the operation executes, though it is no `async def`.
        may_be_left: It has a deadline: run it where nobody needs the thread when the time is over.
    """

    __slots__ = ("_args", "_fn", "_may_be_left", "_on_loop", "_stray")

    def __init__(
        self, fn: Callable[..., Any], args: tuple[Any, ...], *, inline: bool = False, may_be_left: bool = False
    ) -> None:
        self._fn = fn
        self._args = args
        self._may_be_left = may_be_left
        self._on_loop = inline or is_async(fn)
        self._stray: Future[Any] | None = None

    def run_here(self) -> Any:
        """Run it in the calling thread. What it returns may be awaitable."""
        return self._fn(*self._args)

    async def run(self, scope: Scope, server: Meeting[Any] | None) -> Any:
        """What the body returns, or raises.

        Args:
            scope: Where the operation is called.
            server: Where the thread waits whose body it is, in a `def` context.
        """
        if self._stray is not None:
            await asyncio.wait([asyncio.wrap_future(self._stray)])
            self._stray = None
        if self._on_loop:
            result = self.run_here()
        elif server is not None and not self._may_be_left:
            result = await server.run(self.run_here)
        else:
            result = await self._run_on_thread(scope)
        return await result if inspect.isawaitable(result) else result

    async def _run_on_thread(self, scope: Scope) -> Any:
        future = _threads().submit(copy_context().run, self._call)
        try:
            with working_elsewhere(scope.invocation.loop):
                return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel() and not future.done():
                self._leave_behind(future, scope)
            raise

    def _call(self) -> Any:
        try:
            return self.run_here()
        except StopIteration as error:  # no future can carry it; a coroutine turns it into the same
            raise RuntimeError("the body raised StopIteration") from error

    def _leave_behind(self, future: Future[Any], scope: Scope) -> None:
        if scope.is_ended:
            return  # nobody waits for it, nor for what would come after it
        self._stray = future
        invocation = scope.invocation
        invocation.enter()

        def ended(_: Future[Any]) -> None:
            if not invocation.loop.is_closed():
                invocation.loop.call_soon_threadsafe(invocation.leave)

        future.add_done_callback(ended)
