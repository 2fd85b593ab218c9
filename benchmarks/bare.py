"""A bare SQLite database: what a commit costs here when nothing else is done. The floor beneath every engine."""

from __future__ import annotations

import sqlite3
from time import perf_counter


class BareLog:
    """Rows of a fixed size in a table of their own, in WAL mode with `synchronous=FULL`: an fsync a commit."""

    def __init__(self, path: str, row_bytes: int) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL)")
        self._row = (b"x" * row_bytes,)

    def commit(self, rows: int = 1) -> float:
        """Store a number of rows in one transaction; the seconds that it took."""
        began = perf_counter()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO log (entry) VALUES (?)", [self._row] * rows)
        connection.execute("COMMIT")
        return perf_counter() - began

    def close(self) -> None:
        self._connection.close()
