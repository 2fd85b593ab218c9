"""What is due next: a heap with one valid entry for each execution, and one timer of the loop for the first.

A moment that is not waited for any more is left in the heap, and found to be so when its turn comes. That may be in a
year, as with the time-out of an execution that has ended; so the heap is swept whenever it has doubled.

Whatever remembers the moment that it is armed for can be due, as the queue of events is.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextvars import Context
from itertools import count
from typing import Final, Generic, Protocol, TypeVar

from durable_lambda.engine.clock import Clock

LEAST_TO_SWEEP: Final = 64


class Timed(Protocol):
    """What can be due."""

    armed: int | None
    """The moment that the timers have for it."""


T = TypeVar("T", bound=Timed)


class Timers(Generic[T]):
    """Calls `fire` with each whose moment has come. `may_skip` tells what the clock may ask."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        clock: Clock,
        fire: Callable[[T], None],
        may_skip: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._context = context
        self._clock = clock
        self._fire = fire
        self._may_skip = may_skip
        self._heap: list[tuple[int, int, T]] = []
        self._sweeps_at = LEAST_TO_SWEEP
        self._order = count()
        self._handle: asyncio.TimerHandle | None = None
        self._waits_for: int | None = None

    @property
    def is_armed(self) -> bool:
        """Whether a moment is waited for that will come."""
        return self._handle is not None

    def arm(self, timed: T, due: int | None) -> None:
        """Fire for it at `due` and at no other moment; `None`: never."""
        if timed.armed == due:
            return
        timed.armed = due
        if due is not None:
            if len(self._heap) >= self._sweeps_at:
                self._sweep()
            heapq.heappush(self._heap, (due, next(self._order), timed))
            if self._waits_for is None or due < self._waits_for:
                self.look()

    def look(self) -> None:
        """See what is first and wait for it. Called as well when the clock was set, or the engine became idle."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._waits_for = None
        due = self._first()
        if due is None:
            return
        delay = self._clock.delay(due, self._may_skip)
        if delay is not None:
            self._waits_for = due
            self._handle = self._loop.call_later(delay, self._on_time, due, context=self._context)

    def close(self) -> None:
        """Fire no more."""
        self._heap.clear()
        self.look()

    def _on_time(self, due: int) -> None:
        self._handle = None
        self._waits_for = None
        self._clock.reach(due, self._may_skip)
        now = self._clock.now()
        while (first := self._first()) is not None and first <= now:
            timed = heapq.heappop(self._heap)[2]
            timed.armed = None
            self._fire(timed)
        self.look()

    def _sweep(self) -> None:
        valid = {id(entry[2]): entry for entry in self._heap if entry[2].armed == entry[0]}
        self._heap = list(valid.values())
        heapq.heapify(self._heap)
        self._sweeps_at = max(LEAST_TO_SWEEP, 2 * len(self._heap))

    def _first(self) -> int | None:
        heap = self._heap
        while heap and heap[0][2].armed != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None
