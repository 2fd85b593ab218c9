"""The time of `durable run --skip-time`: it passes as ever, and where nobody would do anything but wait it jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from durable_lambda.engine import RealClock

_LONGEST_DELAY: Final = 60.0  # seconds: the system's time may be set meanwhile


class RunningAheadClock:
    """The system's time, and what was skipped.

    Unlike `SkippingClock`, which stands still, so that a time-out that nobody skips to comes when it is due.
    """

    def __init__(self) -> None:
        self._system = RealClock()
        self._ahead = 0

    def now(self) -> int:
        return self._system.now() + self._ahead

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        left = due - self.now()
        return 0.0 if left <= 0 or may_skip() else min(left / 1000, _LONGEST_DELAY)

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        left = due - self.now()
        if left > 0 and may_skip():
            self._ahead += left

    def attach(self, on_change: Callable[[], None]) -> None:
        """Nobody sets it."""
