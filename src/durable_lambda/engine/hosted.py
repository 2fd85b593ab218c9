"""An execution that an engine has in memory: its state, and who is interested in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.store import ExecutionRow


class Hosted:
    """Belongs to the engine's loop; no other thread touches it."""

    __slots__ = (
        "armed",
        "calls",
        "followers",
        "head_start",
        "is_dirty",
        "is_held",
        "is_recovered",
        "row",
        "state",
        "subscribers",
        "task",
        "watchers",
    )

    def __init__(self, row: ExecutionRow, state: ExecutionState) -> None:
        self.row = row
        self.state = state
        self.is_dirty = False
        """Whether the state has changes that are not committed yet."""
        self.is_held = False
        """Whether it rests after the store failed."""
        self.is_recovered = False
        """Whether it may ask for functions that the program has yet to register."""
        self.armed: int | None = None
        """The moment that the timers have for it."""
        self.task: asyncio.Task[None] | None = None
        """The invocation under way."""
        self.followers: list[Hosted] = []
        """Executions that its function has started, and that let its invocation end before they begin."""
        self.head_start: asyncio.TimerHandle | None = None
        """Until when what its function has invoked lets its invocation end first."""
        self.calls: set[str] = set()
        """Invokes whose plain function is being called, by operation id."""
        self.watchers: list[Callable[[], None]] = []
        """Of the function: told of changes from outside."""
        self.subscribers: list[Callable[[], None]] = []
        """Of live views: told of every change."""
