"""A process that kills itself at an exact moment: at the n-th boundary of a kind.

The wrapping lives here, in the process that is to die; the package has no hooks for it. The boundaries of a checkpoint:

- `before commit`: what it changes is decided, and nothing of it is stored;
- `committed`: it is stored, and the function was not told;
- `answered`: the function was told, and has gone on with it.

And: `before reply` and `replied`, the same for an answer to another process; `statement`, before any statement of SQL,
those of the start-up among them; `body`, in the body of a step.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from durable_lambda.engine.backend import InProcessBackend
from durable_lambda.engine.store import Store
from durable_lambda.protocol.updates import OperationUpdate

Boundary: TypeAlias = Literal["before commit", "committed", "answered", "before reply", "replied", "statement", "body"]
CHECKPOINT: tuple[Boundary, ...] = ("before commit", "committed", "answered")

EVENT_OF_ACTION = {"START": "Started", "SUCCEED": "Succeeded", "FAIL": "Failed", "RETRY": "Failed"}


class Boundaries:
    """Counts boundaries, and dies at the one that is asked for."""

    def __init__(self, kind: Boundary | None = None, number: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self._fatal = kind, number

    def reach(self, kind: Boundary) -> None:
        """The process is at a boundary."""
        self.counts[kind] += 1
        if (kind, self.counts[kind]) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, told: Path) -> None:
        """Watch the store, the backend and SQLite; note in a file what the function was told is stored."""
        self._watch_store()
        self._watch_backend(told)
        self._watch_statements()

    def _watch_store(self) -> None:
        write = Store.write

        def watched(store: Store, writes: Any) -> None:
            self.reach("before commit")
            if writes.responses:
                self.reach("before reply")
            write(store, writes)
            self.reach("committed")
            if writes.responses:
                self.reach("replied")

        Store.write = watched  # type: ignore[method-assign]

    def _watch_backend(self, told: Path) -> None:
        checkpoint = InProcessBackend.checkpoint

        async def watched(
            backend: InProcessBackend, arn: str, token: str, updates: Sequence[OperationUpdate], *rest: Any
        ) -> Any:
            answer = await checkpoint(backend, arn, token, updates, *rest)
            name = arn.split("/")[-2]
            with told.open("a") as file:
                file.write("".join(f"{name} {each.id} {event_of(each)}\n" for each in updates))
            loop = asyncio.get_running_loop()
            # Two rounds later the function has taken the answer and gone on to what comes next.
            loop.call_soon(loop.call_soon, self.reach, "answered")
            return answer

        InProcessBackend.checkpoint = watched  # type: ignore[method-assign]

    def _watch_statements(self) -> None:
        connect = sqlite3.connect

        def watched(*args: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*args, **options)
            connection.set_trace_callback(lambda _: self.reach("statement"))
            return connection

        sqlite3.connect = watched  # type: ignore[assignment]


def event_of(update: OperationUpdate) -> str:
    """The event that an update makes in the history."""
    return update.type.title() + EVENT_OF_ACTION[update.action]
