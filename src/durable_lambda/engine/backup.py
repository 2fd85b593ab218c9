"""A copy of a database, made while an engine is at work on it, and the file made smaller when none is."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.schema import connect
from durable_lambda.engine.store import EXPIRED_AT_ONCE, Store


def back_up(path: str, destination: str) -> int:
    """Copy a database, as it is at one moment, to a new file. Returns the copy's size in bytes.

    The engine goes on meanwhile, and waits for nothing. The copy is complete when it appears under its name: it is
    written beside it, synced, and renamed.

    Raises `StoreError` if there is no database, or something has that name already, or the copy cannot be written.
    """
    target = Path(destination)
    if target.exists():
        raise StoreError(f"{destination} is there already; give the name of a new file")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connection = connect(path, read_only=True)
    try:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
        _sync(unfinished)
        unfinished.rename(target)
        _sync(target.resolve().parent)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(f"cannot copy {path} to {destination}: {error}") from error
    finally:
        connection.close()
    return target.stat().st_size


def compact(path: str, now: int) -> tuple[int, int]:
    """Forget what was kept long enough at the moment `now`, and give its space back. Returns the size before and after.

    Raises `StoreError`, `FileInUseError` while an engine owns the file.
    """
    before = Path(path).stat().st_size if Path(path).exists() else 0
    connect(path, read_only=True).close()  # there is one
    store = Store(path)
    try:
        while store.expire(now) == EXPIRED_AT_ONCE:
            pass
        store.vacuum()
    finally:
        store.close()
    return before, Path(path).stat().st_size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
