"""The time of a test: it stands still while code runs, and jumps to what is due next when nothing does.

It also passes when a body sleeps (`asyncio.sleep`), by as much as that, so that what is due meanwhile is due in order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

DEFAULT_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""When a test begins, unless it says otherwise."""


class VirtualClock:
    """A `Clock` of an engine.

    Args:
        start: its first moment in epoch milliseconds.
        skips: whether it jumps by itself for waits, retries and failed invocations. It never does for a time-out.
    """

    def __init__(self, start: int, *, skips: bool = True) -> None:
        self._now = start
        self.skips = skips
        self.horizon = start
        """It jumps to whatever is due until then."""
        self._elapses = False
        """Whether the delay that was told last is one of the loop's own time, and no jump."""
        self.is_idle: Callable[[], bool] = _always
        """Whether nothing runs. Given by whoever has the engine."""
        self.goes_on: Callable[[], bool] = _always
        """Whether some function goes on when enough time has passed, a time-out apart. Given likewise."""

    def now(self) -> int:
        return self._now

    def pass_(self, seconds: float) -> None:
        """Some code has slept."""
        self._now += round(seconds * 1000)

    def move_to(self, moment: int) -> None:
        """Let it be that moment, unless it is later already."""
        self._now = max(self._now, moment)

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        if due <= self._now:
            return 0.0
        self._elapses = not self.is_idle()
        if self._elapses:
            return (due - self._now) / 1000  # beside what runs: it comes first if that sleeps longer
        return 0.0 if self._may_jump(due, may_skip) else None

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        if self._elapses or (self.is_idle() and self._may_jump(due, may_skip)):
            self.move_to(due)

    def attach(self, on_change: Callable[[], None]) -> None:
        """Whoever sets it looks at the engine's timers."""

    def _may_jump(self, due: int, may_skip: Callable[[], bool]) -> bool:
        return due <= self.horizon or (self.skips and may_skip() and self.goes_on())


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds of a moment; one without a time zone is in UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _always() -> bool:
    return True
