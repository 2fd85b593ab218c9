"""The loops on which tests run: kept, private, and with a clock that jumps.

A test's functions run in the caller's own thread, on a loop that is kept for that thread, since a new loop or thread
for each test would cost more than the test. Where a loop is running already (pytest-asyncio, anyio, a notebook) that
one is not touched: the work is done on a thread that is kept for it, and the caller blocks, or awaits.

The loop's time is virtual where it can be. When nothing can happen before the next timer, it does not wait for it: its
clock jumps. That is so when nothing is ready, no socket is watched, no body is at work on a thread, and either somebody
is in `asyncio.sleep`, or no thread could have anything to say. One that was begun during the run could; one that was
there before (of another test, of the test runner) has a moment of real time to say it. Otherwise real time passes while
the loop waits, and only then: what code takes to run depends on the machine, and is nothing in a test.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, Final, TypeVar, cast

from durable_lambda.loop import InvocationLoop

T = TypeVar("T")

MAX_THREADS: Final = 64
GRACE_SECONDS: Final = 0.05
"""What threads have that were there before."""
TICK_SECONDS: Final = 1e-9
"""From one look at the clock to the next, so that of two timers of the same delay the older one is first."""

_OWN_THREADS: Final = ("MainThread", "durable-", "asyncio_")
"""Names that begin so: what these threads do is known without looking."""

_SLEEP: Final[Any] = asyncio.futures._set_result_unless_cancelled  # type: ignore[attr-defined]  # what asyncio.sleep schedules


class VirtualLoop(InvocationLoop):
    """A loop whose clock jumps to the next timer when it can do nothing else."""

    def __init__(self) -> None:
        self._now = time.monotonic()
        super().__init__()
        self.lock = threading.Lock()
        """Held by the thread that runs the loop."""
        self.is_abandoned = False
        """Whether a run on it was broken off (Ctrl-C, a test's time-out): what is left of that must not go on later."""
        self.bystanders: frozenset[threading.Thread] = frozenset()
        """Threads that were there before the run that is on it."""
        self._dropped: list[asyncio.Handle] = []
        self.on_jump: Callable[[float], None] = _nothing
        """Called with the seconds of each jump."""
        self._look: Callable[[float | None], list[Any]] = self._selector.select  # type: ignore[attr-defined]  # of every SelectorEventLoop
        self._selector.select = self._select_or_jump  # type: ignore[attr-defined]

    def time(self) -> float:
        self._now += TICK_SECONDS
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # typeshed types it by TypeVarTuple
        self.elsewhere += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    def _back(self, _: asyncio.Future[Any]) -> None:
        self.elsewhere -= 1

    def drop(self) -> None:
        """Run nothing of what is ready, and stop: what a process does that is killed."""
        ready = cast("deque[asyncio.Handle]", self._ready)  # type: ignore[attr-defined]
        for place, handle in enumerate(tuple(ready)):
            self._dropped.append(handle)
            ready[place] = asyncio.Handle(_none, (), self, Context())  # the loop counts on as many as there were
        self.stop()

    def take_up(self) -> None:
        """What was dropped is ready again: tasks that were cancelled meanwhile can end."""
        self._ready.extend(self._dropped)  # type: ignore[attr-defined]
        self._dropped.clear()

    def _select_or_jump(self, timeout: float | None = None) -> list[Any]:
        if timeout == 0 and not self._watches_sockets():
            return []  # what threads hand over is among what is ready
        if not timeout:
            return self._wait(timeout)
        ready = self._look(0)
        if ready or not self._can_jump():
            return ready or self._wait(timeout)
        if not self._sleeps() and self._has_bystanders():
            ready = self._look(min(timeout, GRACE_SECONDS))
            if ready:
                return ready
        self._now += timeout
        self.on_jump(timeout)
        return ready

    def _wait(self, timeout: float | None) -> list[Any]:
        began = time.monotonic()
        ready = self._look(timeout)
        self._now += time.monotonic() - began
        return ready

    def _watches_sockets(self) -> bool:
        return len(self._selector._fd_to_key) > 1  # type: ignore[attr-defined]  # one: what wakes the loop; `get_map` is slow

    def _can_jump(self) -> bool:
        if self.elsewhere or self._watches_sockets():
            return False
        return self._sleeps() or all(thread in self.bystanders for thread in _strangers())

    def _sleeps(self) -> bool:
        timers: list[asyncio.TimerHandle] = list(self._scheduled)  # type: ignore[attr-defined]
        return any(timer._callback is _SLEEP for timer in timers)

    def _has_bystanders(self) -> bool:
        return any(thread in self.bystanders for thread in _strangers())


def _strangers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if not thread.name.startswith(_OWN_THREADS)]


_kept = threading.local()
_all: list[VirtualLoop] = []


def kept_loop() -> VirtualLoop:
    """The loop of this thread."""
    loop: VirtualLoop | None = getattr(_kept, "loop", None)
    if loop is None or loop.is_abandoned:
        loop = _kept.loop = VirtualLoop()
        _all.append(loop)
    return loop


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="durable-test")


def run_blocking(action: Callable[[], T]) -> T:
    """Do what runs a loop: in this thread, or on another one if a loop is running here."""
    if asyncio._get_running_loop() is None:  # pyright: ignore[reportPrivateUsage]  # the public one raises
        return action()
    return _threads().submit(action).result()


async def run_awaited(action: Callable[[], T]) -> T:
    """The same for a caller that awaits it, whose loop goes on meanwhile."""
    return await asyncio.wrap_future(_threads().submit(action))


def _none() -> None:
    """In the place of what was dropped."""


def _nothing(_: float) -> None:
    """Nobody keeps the time."""


def _forget_parents() -> None:
    """A forked process shares its parent's selectors, and has none of its threads."""
    _kept.loop = None
    _all.clear()
    _threads.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)


@atexit.register
def _close_kept() -> None:
    for loop in _all:
        if not loop.is_running():
            loop.close()
