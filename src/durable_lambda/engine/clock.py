"""Time, as an engine sees it: what it is, and how long to wait for a moment.

An engine asks its clock only; nothing else in it reads the time. With `SkippingClock` a year's wait takes no time, with
`ManualClock` it takes until the test says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Epoch milliseconds."""
        ...

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        """Real seconds after which to look again whether it is `due`; `None`: not before something else happens.

        `may_skip()`: whether nothing runs, and some execution goes on when enough time has passed.
        """
        ...

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        """The delay for `due` is over."""
        ...

    def attach(self, on_change: Callable[[], None]) -> None:
        """Call `on_change`, from any thread, when the time changes other than by passing."""
        ...


class RealClock:
    """The system's time."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        # At most a minute: the system's time may be set while we sleep.
        return min(max(0.0, (due - self.now()) / 1000), 60.0)

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        pass

    def attach(self, on_change: Callable[[], None]) -> None:
        pass


class ManualClock:
    """Stands still until it is advanced.

    Args:
        start: its first moment in epoch milliseconds; 2025-01-01 by default.
    """

    def __init__(self, start: int = 1_735_689_600_000) -> None:
        self._now = start
        self._lock = threading.Lock()  # it is set by the engine's thread and by others
        self._observers: list[Callable[[], None]] = []

    def now(self) -> int:
        return self._now

    def advance(self, by: timedelta | int) -> None:
        """Let a `timedelta`, or that many seconds, pass at once. What is due then happens afterwards."""
        milliseconds = round((by.total_seconds() if isinstance(by, timedelta) else by) * 1000)
        with self._lock:
            self._now += milliseconds
        for observer in self._observers:
            observer()

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        return 0.0 if due <= self._now else None

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        pass

    def attach(self, on_change: Callable[[], None]) -> None:
        self._observers.append(on_change)


class SkippingClock(ManualClock):
    """Stands still while anything runs, and jumps to what is due next when nothing does.

    It jumps for waits, retries and failed invocations, which go on by themselves. It does not for the sake of a
    time-out: an execution that is blocked on a callback stays so until that is answered, or the clock is advanced.

    A trap: a wait beside a step that really takes time ends after that step, however short the wait.

    Args:
        start: its first moment in epoch milliseconds; the system's time by default.
    """

    def __init__(self, start: int | None = None) -> None:
        super().__init__(RealClock().now() if start is None else start)

    def delay(self, due: int, may_skip: Callable[[], bool]) -> float | None:
        return 0.0 if due <= self._now or may_skip() else None

    def reach(self, due: int, may_skip: Callable[[], bool]) -> None:
        with self._lock:
            if due > self._now and may_skip():
                self._now = due
