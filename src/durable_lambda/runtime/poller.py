"""When to ask the service for news, while one branch works and another one waits.

A wait or a retry has a due time: ask then. A callback or an invoke has none: ask after 1 second, and ever more seldom
up to every 10. A backend in this process tells by itself and needs no poller.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Blocked, Invocation

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 10.0
_GROWTH: Final = 1.5
_AFTER_DUE: Final = 0.01  # the service's clock decides; ask a little later rather than twice


class Poller:
    """One timer an invocation."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._timer: asyncio.TimerHandle | None = None
        self._delay = FIRST_DELAY
        self._asked_for: float | None = None

    def consider(self, blocked: Blocked) -> None:
        """An operation was left to the service: ask no later than it needs."""
        delay = self._delay if blocked.due is None else max(blocked.due - time.time(), 0) + _AFTER_DUE
        when = self._invocation.loop.time() + delay
        if self._timer is None or when < self._timer.when():
            self._set(delay)

    def arm(self) -> None:
        """See to it that the blocked operations are asked about, after they were."""
        if self._timer is not None:
            return
        soonest = self._soonest()
        if soonest is None or soonest == self._asked_for:  # asked in vain: the clocks differ, so back off
            delay = self._delay
        else:
            delay = max(soonest - time.time(), 0) + _AFTER_DUE
            if any(blocked.due is None for blocked in self._invocation.blocked.values()):
                delay = min(delay, self._delay)
        self._set(delay)

    def _set(self, delay: float) -> None:
        self.stop()
        self._timer = self._invocation.loop.call_later(delay, self._ask)

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask(self) -> None:
        self._timer = None
        self._delay = min(self._delay * _GROWTH, LONGEST_DELAY)
        self._asked_for = self._soonest()
        if self._invocation.blocked and not self._invocation.is_closing:
            self._invocation.checkpointer.poll()

    def _soonest(self) -> float | None:
        dues = [blocked.due for blocked in self._invocation.blocked.values() if blocked.due is not None]
        return min(dues, default=None)
