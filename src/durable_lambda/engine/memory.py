"""A store in lists, for tests: as quick as may be, and gone with the object.

It keeps records as bytes like the real one, so what cannot be written to a file cannot be written here. An engine that
is given a copy finds everything as it was stored at that moment: that is how a crash is played.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from durable_lambda.engine.machine.log import decode_entries
from durable_lambda.engine.machine.queued import QueuedEvent
from durable_lambda.engine.machine.records import ExecutionEnded, Record
from durable_lambda.engine.store import ExecutionRow, Search, Writes
from durable_lambda.protocol.operations import ExecutionStatus


class MemoryStore:
    """An `ExecutionStore`. Belongs to one engine at a time; nobody else can leave requests in it."""

    def __init__(self) -> None:
        self._rows: dict[int, ExecutionRow] = {}
        self._entries: dict[int, list[bytes]] = {}
        self._events: dict[str, QueuedEvent] = {}

    def copy(self) -> MemoryStore:
        """Another store with all that is stored now: the disk as the next engine finds it."""
        twin = MemoryStore()
        twin._rows = dict(self._rows)
        twin._entries = {key: list(entries) for key, entries in self._entries.items()}
        twin._events = dict(self._events)
        return twin

    def find(self, execution_id: str) -> ExecutionRow | None:
        """The execution of that id."""
        return next((row for row in self._rows.values() if row.id == execution_id), None)

    def find_by_name(self, function: str, name: str) -> ExecutionRow | None:
        """The execution that has that name for a function."""
        return next((row for row in self._rows.values() if (row.function, row.name) == (function, name)), None)

    def named(self, name: str) -> list[ExecutionRow]:
        """The executions of that name, of whatever function."""
        return [row for row in self._rows.values() if row.name == name]

    def list(
        self, *, function: str | None = None, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[ExecutionRow]:
        """The newest executions first."""
        found = [
            row
            for row in reversed(self._rows.values())
            if function in (None, row.function) and status in (None, row.status)
        ]
        return found[:limit]

    def search(self, search: Search) -> Sequence[ExecutionRow]:
        """A page of one function's executions."""
        rows = sorted(self._rows.values(), key=lambda row: row.key, reverse=not search.oldest_first)
        return [row for row in rows if search.matches(row)][: search.limit]

    def counts(self) -> dict[str, int]:
        """How many executions there are, by status."""
        return dict(Counter(row.status for row in self._rows.values()))

    def has_executions_of(self, function: str) -> bool:
        """Whether there is an execution of a function."""
        return any(row.function == function for row in self._rows.values())

    def log(self, key: int) -> list[Record]:
        """All records of an execution."""
        return decode_entries(self._entries.get(key, ()))

    def end(self, key: int) -> ExecutionEnded | None:
        """How an execution ended."""
        last = decode_entries(self._entries.get(key, ())[-1:])[-1:]
        return last[0] if last and isinstance(last[0], ExecutionEnded) else None

    def write(self, writes: Writes) -> None:
        """Store all."""
        for row in writes.executions:
            self._rows[row.key] = row
        for key, entry in writes.entries:
            self._entries.setdefault(key, []).append(entry)
        for status, moment, key in writes.ends:
            self._rows[key] = msgspec.structs.replace(self._rows[key], status=status, ended_at=moment)
        self._events.update((event.id, event) for event in writes.events)
        for (event_id,) in writes.forgotten_events:
            self._events.pop(event_id, None)

    def running(self) -> list[ExecutionRow]:
        """Every execution that has not ended."""
        return [row for row in self._rows.values() if row.status == "RUNNING"]

    def last_key(self) -> int:
        """The highest key in use."""
        return max(self._rows, default=0)

    def expire(self, now: int) -> int:
        """Forget executions whose retention is over. Returns how many these were."""
        expired = [
            row.key for row in self._rows.values() if row.ended_at is not None and row.ended_at + row.retention < now
        ]
        for key in expired:
            self.delete(key)
        return len(expired)

    def delete(self, key: int) -> None:
        """Forget an execution, at once."""
        del self._rows[key], self._entries[key]

    def data_version(self) -> int:
        """Always the same: nobody else writes here."""
        return 0

    def requests(self) -> list[tuple[int, bytes]]:
        """None: nobody else can ask."""
        return []

    def queued_events(self) -> list[tuple[str, str, int, int]]:
        """What is known of every event without its payload."""
        return [(event.id, event.function, event.received_at, event.due_at) for event in self._events.values()]

    def queued_event(self, event_id: str) -> QueuedEvent | None:
        """The event of that id."""
        return self._events.get(event_id)
