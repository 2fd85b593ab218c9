"""What is on disk, read and written. One `Store` owns a file; any number of `StoreReader`s look at it.

Everything that is written goes through `Store.write`: one transaction, one fsync. When it returns, it is stored; when
it raises, nothing of it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.lock import OwnerLock
from durable_lambda.engine.machine.log import decode_entries
from durable_lambda.engine.machine.queued import QueuedEvent
from durable_lambda.engine.machine.records import ExecutionEnded, Record
from durable_lambda.engine.schema import check_place, connect
from durable_lambda.protocol.operations import ExecutionStatus

T = TypeVar("T")

EXPIRED_AT_ONCE = 500
"""The engine does nothing else while they are deleted."""

_EVENT = "id, function, payload, tenant_id, received_at, due_at, failures"
_COLUMNS = "key, id, function, name, status, started_at, ended_at, payload_digest, retention"


_NAMED = """
    WHERE name = ? AND function IN (
        WITH RECURSIVE known (function) AS (
            SELECT min(function) FROM executions
            UNION ALL
            SELECT (SELECT min(function) FROM executions WHERE function > known.function)
            FROM known WHERE known.function IS NOT NULL
        )
        SELECT function FROM known
    )
"""
"""The index is on the function and the name: the functions are few, and each is one look into it."""


class ExecutionRow(msgspec.Struct, frozen=True):
    """An execution as the table has it. Moments are epoch milliseconds."""

    key: int
    id: str
    function: str
    name: str
    status: ExecutionStatus
    started_at: int
    ended_at: int | None
    payload_digest: bytes
    retention: int
    """Milliseconds that it is kept after its end."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which executions of a function a page has. Moments are epoch milliseconds."""

    function: str
    name: str | None
    statuses: tuple[str, ...]
    started_after: int | None
    started_before: int | None
    beyond: int | None
    """The key of the execution before the page."""
    oldest_first: bool
    limit: int

    def matches(self, row: ExecutionRow) -> bool:
        """Whether an execution belongs to the pages."""
        return (
            row.function == self.function
            and self.name in (None, row.name)
            and (not self.statuses or row.status in self.statuses)
            and (self.started_after is None or row.started_at > self.started_after)
            and (self.started_before is None or row.started_at < self.started_before)
            and (self.beyond is None or (row.key > self.beyond if self.oldest_first else row.key < self.beyond))
        )


@dataclass(slots=True)
class Writes:
    """What one transaction writes."""

    executions: list[ExecutionRow] = field(default_factory=list[ExecutionRow])
    entries: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    """Keys of executions, and encoded batches of records."""
    ends: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    """Status, moment, key."""
    statuses: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Status, key: of executions that are paused or resumed."""
    responses: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    """Answers to requests in the inbox, and the requests' ids."""
    events: list[QueuedEvent] = field(default_factory=list[QueuedEvent])
    """New ones, and such as wait for another attempt."""
    forgotten_events: list[tuple[str]] = field(default_factory=list[tuple[str]])
    """Ids of those that were answered or given up."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write. What has a status or an end has entries, too."""
        return not (self.entries or self.responses or self.events or self.forgotten_events)


class ExecutionStore(Protocol):
    """What an engine needs of a store: `Store`, or `MemoryStore` where nothing has to outlive the process."""

    def find(self, execution_id: str) -> ExecutionRow | None: ...
    def find_by_name(self, function: str, name: str) -> ExecutionRow | None: ...
    def named(self, name: str) -> list[ExecutionRow]: ...
    def list(
        self, *, function: str | None = None, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[ExecutionRow]: ...
    def search(self, search: Search) -> Sequence[ExecutionRow]: ...
    def counts(self) -> dict[str, int]: ...
    def has_executions_of(self, function: str) -> bool: ...
    def log(self, key: int) -> list[Record]: ...
    def end(self, key: int) -> ExecutionEnded | None: ...
    def write(self, writes: Writes) -> None: ...
    def running(self) -> list[ExecutionRow]: ...
    def last_key(self) -> int: ...
    def expire(self, now: int) -> int: ...
    def delete(self, key: int) -> None: ...
    def data_version(self) -> int: ...
    def requests(self) -> list[tuple[int, bytes]]: ...
    def queued_events(self) -> list[tuple[str, str, int, int]]: ...
    def queued_event(self, event_id: str) -> QueuedEvent | None: ...


class StoreReader:
    """Reads, without owning. May be used beside the engine that owns the file, from any process; not across threads."""

    def __init__(self, path: str) -> None:
        self._connection = connect(path, read_only=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def find(self, execution_id: str) -> ExecutionRow | None:
        """The execution of that id."""
        rows = self._select("WHERE id = ?", (execution_id,))
        return rows[0] if rows else None

    def find_by_name(self, function: str, name: str) -> ExecutionRow | None:
        """The execution that has that name for a function."""
        rows = self._select("WHERE function = ? AND name = ?", (function, name))
        return rows[0] if rows else None

    def named(self, name: str) -> list[ExecutionRow]:
        """The executions of that name, of whatever function."""
        return self._select(_NAMED, (name,))

    def list(
        self, *, function: str | None = None, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[ExecutionRow]:
        """The newest executions first."""
        wanted = [(column, value) for column, value in (("function", function), ("status", status)) if value]
        where = " AND ".join(f"{column} = ?" for column, _ in wanted)
        clause = f"WHERE {where} ORDER BY key DESC LIMIT ?" if where else "ORDER BY key DESC LIMIT ?"
        return self._select(clause, (*(value for _, value in wanted), limit))

    def search(self, search: Search) -> Sequence[ExecutionRow]:
        """A page of one function's executions."""
        conditions: list[tuple[str, object]] = [
            ("name = ?", search.name),
            ("started_at > ?", search.started_after),
            ("started_at < ?", search.started_before),
            ("key > ?" if search.oldest_first else "key < ?", search.beyond),
        ]
        given = [(condition, value) for condition, value in conditions if value is not None]
        where = "".join(f" AND {condition}" for condition, _ in given)
        if search.statuses:
            where += f" AND status IN ({', '.join('?' * len(search.statuses))})"
        return self._select(
            f"WHERE function = ?{where} ORDER BY key {'ASC' if search.oldest_first else 'DESC'} LIMIT ?",
            (search.function, *(value for _, value in given), *search.statuses, search.limit),
        )

    def counts(self) -> dict[str, int]:
        """How many executions there are, by status."""
        return dict(self._rows("SELECT status, count(*) FROM executions GROUP BY status"))

    def has_executions_of(self, function: str) -> bool:
        """Whether there is an execution of a function."""
        return bool(self._rows("SELECT 1 FROM executions WHERE function = ? LIMIT 1", (function,)))

    def log(self, key: int) -> list[Record]:
        """All records of an execution."""
        entries = self._rows("SELECT entry FROM log WHERE execution = ? ORDER BY seq", (key,))
        return decode_entries(entry for (entry,) in entries)

    def end(self, key: int) -> ExecutionEnded | None:
        """How an execution ended, without reading all of its log."""
        rows = self._rows("SELECT entry FROM log WHERE execution = ? ORDER BY seq DESC LIMIT 1", (key,))
        last = decode_entries(entry for (entry,) in rows)[-1:]
        return last[0] if last and isinstance(last[0], ExecutionEnded) else None

    def _select(self, clause: str, values: tuple[object, ...] = ()) -> list[ExecutionRow]:
        return [ExecutionRow(*row) for row in self._rows(f"SELECT {_COLUMNS} FROM executions {clause}", values)]

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        return self._do(lambda connection: connection.execute(statement, values).fetchall())

    def _do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return action(self._connection)
        except sqlite3.Error as error:
            raise StoreError(f"the store cannot be used: {error}") from error


class Store(StoreReader):
    """The one owner of a file, or of a database in memory. Raises `StoreError` if another engine owns it."""

    def __init__(self, path: str) -> None:
        check_place(path)
        self._lock = None if path == ":memory:" else OwnerLock(path)
        try:
            self._connection = connect(path)
        except StoreError:
            if self._lock is not None:
                self._lock.release()
            raise
        self.is_shared = path != ":memory:"
        """Whether another process may read it, and leave requests."""

    def close(self) -> None:
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def write(self, writes: Writes) -> None:
        """Store all or nothing, durably. Raises `StoreError`."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if writes.executions:
                statement = f"INSERT INTO executions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                connection.executemany(statement, map(msgspec.structs.astuple, writes.executions))
            connection.executemany("INSERT INTO log (execution, entry) VALUES (?, ?)", writes.entries)
            if writes.statuses:
                connection.executemany("UPDATE executions SET status = ? WHERE key = ?", writes.statuses)
            if writes.ends:
                connection.executemany("UPDATE executions SET status = ?, ended_at = ? WHERE key = ?", writes.ends)
            if writes.responses:
                connection.executemany("UPDATE inbox SET response = ? WHERE id = ?", writes.responses)
            if writes.events:
                statement = f"INSERT OR REPLACE INTO events ({_EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?)"
                connection.executemany(statement, map(msgspec.structs.astuple, writes.events))
            if writes.forgotten_events:
                connection.executemany("DELETE FROM events WHERE id = ?", writes.forgotten_events)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise StoreError(f"nothing was stored: {error}") from error

    def running(self) -> list[ExecutionRow]:
        """Every execution that has not ended."""
        return self._select("WHERE status IN ('RUNNING', 'PAUSING', 'PAUSED') ORDER BY key")

    def last_key(self) -> int:
        """The highest key in use."""
        return int(self._rows("SELECT coalesce(max(key), 0) FROM executions")[0][0])

    def expire(self, now: int) -> int:
        """Forget executions whose retention is over, a few hundred at once. Returns how many these were."""
        expired = self._rows(
            "SELECT key FROM executions WHERE ended_at IS NOT NULL AND ended_at + retention < ? LIMIT ?",
            (now, EXPIRED_AT_ONCE),
        )
        if expired:
            self._do(lambda connection: _delete(connection, expired))
        return len(expired)

    def vacuum(self) -> None:
        """Give space that is not used any more back to the file system. Nobody else may use the file meanwhile."""
        self._do(lambda connection: connection.execute("VACUUM"))
        self._do(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    def delete(self, key: int) -> None:
        """Forget an execution, at once. Raises `StoreError`."""
        self._do(lambda connection: _delete(connection, [(key,)]))

    def data_version(self) -> int:
        """A number that differs when another connection has written since."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def requests(self) -> list[tuple[int, bytes]]:
        """What other processes ask for and have no answer to: ids and requests."""
        rows = self._rows("SELECT id, request FROM inbox WHERE response IS NULL ORDER BY id")
        return [(int(number), request) for number, request in rows]

    def queued_events(self) -> list[tuple[str, str, int, int]]:
        """What is known of every event without its payload: id, function, when it was received and when it is due."""
        return self._rows("SELECT id, function, received_at, due_at FROM events ORDER BY due_at, rowid")

    def queued_event(self, event_id: str) -> QueuedEvent | None:
        """The event of that id."""
        rows = self._rows(f"SELECT {_EVENT} FROM events WHERE id = ?", (event_id,))
        return QueuedEvent(*rows[0]) if rows else None


def _delete(connection: sqlite3.Connection, keys: Sequence[tuple[int]]) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM log WHERE execution = ?", keys)
        connection.executemany("DELETE FROM executions WHERE key = ?", keys)
