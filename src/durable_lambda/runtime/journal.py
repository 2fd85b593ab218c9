"""What is known of an execution's operations, as the code asks for them.

Recorded operations wait in a dict until the code arrives at them; claiming one takes it out, so what is left is what
the code has not called (yet). An operation that is not over is *watched*: the journal keeps its newest state and wakes
who waits for a change. Replay is a dict look-up, an identity check and a decode: no task, no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from durable_lambda.protocol.operations import Operation, RawOperation, decode_operation, operation_id_of


class Journal:
    """The operations of one invocation."""

    __slots__ = ("_claimed", "_waiters", "_watched", "history", "recorded")

    def __init__(self, operations: list[RawOperation]) -> None:
        self.history = operations
        """What the history had when the invocation began, in order; the errors tell it."""
        self.recorded = {operation_id_of(raw): raw for raw in operations}
        """Operations that the code has not called yet, by id; still undecoded."""
        self._claimed: set[str] = set()
        self._watched: dict[str, Operation | None] = {}
        self._waiters: dict[str, list[asyncio.Future[None]]] = {}

    def claim(self, operation_id: str) -> None:
        """Take out a recorded operation that is over, in any thread, also while news of it are merged."""
        self._claimed.add(operation_id)
        del self.recorded[operation_id]

    def watch(self, operation_id: str, state: Operation | None) -> None:
        """Keep the newest state of an operation from now on."""
        self._watched[operation_id] = state

    def is_watched(self, operation_id: str) -> bool:
        return operation_id in self._watched

    def state(self, operation_id: str) -> Operation | None:
        """The newest state of a watched operation."""
        return self._watched[operation_id]

    def change(self, operation_id: str) -> asyncio.Future[None]:
        """A future that is done when news of a watched operation arrive."""
        future = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(operation_id, []).append(future)
        return future

    def forget(self) -> None:
        """Nobody asks any more."""
        self.history = []
        self.recorded = {}
        self._watched.clear()

    def merge(self, operations: Iterable[RawOperation]) -> None:
        """Take what a checkpoint brought back, and wake who waits for it."""
        for raw in operations:
            operation_id = operation_id_of(raw)
            if operation_id in self._watched:
                self._watched[operation_id] = decode_operation(raw)
                for waiter in self._waiters.pop(operation_id, ()):
                    if not waiter.done():
                        waiter.set_result(None)
            elif operation_id in self.recorded:
                self.recorded[operation_id] = raw
                if operation_id in self._claimed:  # in this moment, by a thread
                    self.recorded.pop(operation_id, None)
