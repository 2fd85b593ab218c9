"""How long the update of a thread waits for those of other threads.

One call at a time is on its way, so an update that just misses one waits for all of the next. Threads that are at work
may have something to send in a moment. So an update waits for theirs, as long as one sign of them comes after another,
and never longer than most calls take. It waits for nobody when each thread has its update in the queue already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation

GAP_SECONDS: Final = 0.001
"""Seconds without a sign of another thread: a fraction of a call to the service."""

PATIENCE: Final = 0.01
"""Seconds that an update waits in all."""


class Company:
    """The threads that an update waits for.

    Args:
        updates: How many updates have not been sent.
        over: Called when nobody is waited for any more.
    """

    __slots__ = ("_invocation", "_over", "_timer", "_updates")

    def __init__(self, invocation: Invocation, updates: Callable[[], int], over: Callable[[], object]) -> None:
        self._invocation = invocation
        self._updates = updates
        self._over = over
        self._timer: asyncio.TimerHandle | None = None

    def is_expected(self, waiting: int) -> bool:
        """Whether more threads are at work than wait for an update to be stored."""
        return self._invocation.busy_threads + self._invocation.places.admitted > waiting

    @property
    def is_awaited(self) -> bool:
        return self._timer is not None

    def wait(self) -> None:
        """Wait for it, unless that is done already."""
        if self._timer is None:
            self._look_again(self._invocation.loop.time())

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self, since: float) -> None:
        self._timer = self._invocation.loop.call_later(GAP_SECONDS, self._look, since, self._signs())

    def _look(self, since: float, signs: int) -> None:
        if self._signs() > signs and self._invocation.loop.time() < since + PATIENCE:
            self._look_again(since)
        else:
            self._over()

    def _signs(self) -> int:
        """Grows with each update, and with each thread that begins: the loop takes its time to start many of them."""
        return self._updates() + self._invocation.places.given
