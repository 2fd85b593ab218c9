"""The database: its tables, its version, and how one is opened.

`executions` has a row each, for look-up and lists; it changes when an execution starts and when it ends. `log` has a
row for each committed batch of an execution, appended in commit order: one B-tree that grows at its end and one index
make a commit cheap. `inbox` is where other processes leave requests for the engine that owns the file. `events` has
what plain functions are called with asynchronously and have not answered yet.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from durable_lambda.engine.errors import StoreError

APPLICATION_ID: Final = 0x44_75_4C_61  # "DuLa"
VERSION: Final = 3

_EVENTS: Final = """
    CREATE TABLE events (
        id TEXT PRIMARY KEY,
        function TEXT NOT NULL,
        payload TEXT,
        tenant_id TEXT,
        received_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        failures INTEGER NOT NULL
    )
    """

TABLES: Final = (
    """
    CREATE TABLE executions (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        function TEXT NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        payload_digest BLOB NOT NULL,
        retention INTEGER NOT NULL,
        UNIQUE (function, name)
    )
    """,
    "CREATE INDEX executions_by_status ON executions (status)",
    "CREATE INDEX executions_by_function ON executions (function)",
    "CREATE TABLE log (seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, entry BLOB NOT NULL)",
    "CREATE INDEX log_by_execution ON log (execution)",
    "CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, request BLOB NOT NULL, response BLOB)",
    _EVENTS,
)

MIGRATIONS: Final[dict[int, tuple[str, ...]]] = {
    1: ("CREATE INDEX executions_by_function ON executions (function)",),
    2: (_EVENTS,),
}
"""What leads from a version to the next one. A reader needs none of it: it takes files of every version."""


def connect(path: str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database of this package; a new one is created unless `read_only`.

    Raises `StoreError` when the file cannot be opened, is no database, or is not one that this version can use.
    """
    check_place(path, read_only=read_only)
    try:
        if read_only:
            connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        else:
            connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(f"cannot open {path}: {error}") from error
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        _check_contents(connection, path, read_only)
        if not read_only:
            _use_write_ahead_log(connection, path)
            connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"cannot use {path}: {error}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection, path: str) -> None:
    # To the last row: the first one only says what will be, and an error comes with the step after it. In another
    # mode FULL does not sync the journal's deletion, so a power cut could take an acknowledged commit back.
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != [("wal",)] and path != ":memory:":
        raise StoreError(f"cannot use {path}: its file system does not allow SQLite's write-ahead log (got {mode})")


def check_place(name: str, *, read_only: bool = False) -> None:
    """Raise `StoreError` if there can be no database at that path."""
    path = Path(name)
    if name == ":memory:":
        return
    if path.is_dir():
        raise StoreError(f"cannot open {path}: it is a directory; give the path of a file")
    if not path.parent.is_dir():
        raise StoreError(f"cannot open {path}: the directory {path.parent} does not exist; create it first")
    if read_only and not path.exists():
        raise StoreError(f"cannot open {path}: there is no such file; an engine creates it when it first runs")


def _check_contents(connection: sqlite3.Connection, path: str, read_only: bool) -> None:
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    if application == APPLICATION_ID:
        if version > VERSION:
            raise StoreError(
                f"{path} was written by a newer durable-lambda (schema {version}, this one knows {VERSION}); upgrade"
            )
        if version < VERSION and not read_only:
            _migrate(connection, version)
        return
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application or version or not empty:
        raise StoreError(f"{path} is a database of another application; give the path of a new file")
    if read_only:
        raise StoreError(f"{path} is empty: no engine has run on it yet")
    _create(connection)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for each in range(version, VERSION):
        for statement in MIGRATIONS[each]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
