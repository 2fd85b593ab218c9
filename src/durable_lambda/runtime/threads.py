"""Threads for the code of `def` handlers and their branches.

They are daemons, so code that never ends cannot keep its process from ending, and they are kept for the next piece of
code for a while. Nothing here limits how many there are: who asks does (`Places`).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

IDLE_SECONDS: Final = 10.0
"""How long a thread is kept that has nothing to do."""

FIRST_PLACES: Final = 128
"""Threads of one invocation that run code at the same time, before any of them waits for the service."""

MOST_PLACES: Final = 512
"""Threads of one invocation. The service's Linux sandbox has room for 1,024 in all (AWS Lambda quotas)."""

Work: TypeAlias = tuple[Callable[[], object], Callable[[], object]]

_idle: list[SimpleQueue[Work]] = []


def run(work: Callable[[], object], tell: Callable[[], object]) -> None:
    """Do some work on a thread, and then tell of it; by then the thread is free for the next. Neither may raise.

    Raises:
        RuntimeError: The system gives no thread.
    """
    waiting: SimpleQueue[Work]
    try:
        waiting = _idle.pop()
    except IndexError:
        waiting = SimpleQueue()
        threading.Thread(target=_work_through, args=(waiting,), name="durable-code", daemon=True).start()
    waiting.put((work, tell))


def _work_through(queue: SimpleQueue[Work]) -> None:
    while True:
        try:
            work, tell = queue.get(timeout=IDLE_SECONDS)
        except Empty:
            try:
                _idle.remove(queue)
            except ValueError:  # taken in this very moment: its work is about to come
                continue
            return
        work()
        _idle.append(queue)
        tell()
        del work, tell  # what they refer to may go while the thread is idle


class Places:
    """How many threads one invocation may have at once; who finds none free waits its turn.

    Code that waits for the service keeps its thread. So when everything that has one waits, and nothing else can
    happen, there are more of them, up to a bound.
    """

    __slots__ = ("_limit", "_most", "_queue", "_taken", "admitted", "given")

    def __init__(self) -> None:
        self.given = 0
        """Places that were taken until now."""
        self.admitted = 0
        """Who waited for a place, and has one without knowing it yet."""
        self._limit = FIRST_PLACES
        self._most = MOST_PLACES
        self._taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a place."""
        if self._taken < self._limit:
            self._give()
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.admitted -= 1
                self.free()
            raise
        self.admitted -= 1

    def free(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._admit()

    def widen(self) -> bool:
        """Let more in that wait. Returns whether there was anybody to let in."""
        if not self._queue or self._limit >= self._most:
            return False
        self._limit = min(self._limit + FIRST_PLACES, self._most)
        return self._admit()

    def end_growth(self) -> bool:
        """The system has no more threads than there are. Returns whether any of them is this invocation's."""
        self._limit = self._most = self._taken
        return self._taken > 0

    @property
    def are_short(self) -> bool:
        """Whether somebody waits for a place, and there will be no more of them."""
        return self._limit >= self._most and any(not turn.done() for turn in self._queue)

    def _give(self) -> None:
        self._taken += 1
        self.given += 1

    def _admit(self) -> bool:
        admitted = False
        while self._queue and self._taken < self._limit:
            turn = self._queue.popleft()
            if not turn.done():
                self._give()
                self.admitted += 1
                turn.set_result(None)
                admitted = True
        return admitted
