"""What a dead process left: read from a copy, so that the next one finds the files as the kill left them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from durable_lambda.engine import FileClient
from durable_lambda.engine.stored import StoredExecution
from durable_lambda.protocol.events import Event, StepFailedDetails, StepSucceededDetails
from durable_lambda.protocol.operations import ExecutionStatus, Operation


@dataclass(frozen=True)
class Remains:
    """One execution on the disk."""

    status: ExecutionStatus
    history: Sequence[Event]
    operations: Sequence[Operation]
    result: object

    @property
    def succeeded_steps(self) -> set[str]:
        """Names of the steps whose success is stored."""
        return {str(each.name) for each in self.operations if each.type == "STEP" and each.status == "SUCCEEDED"}

    @property
    def ended_attempts(self) -> set[tuple[str, int]]:
        """Names of steps and attempts whose outcome is stored."""
        return {
            (str(event.name), event.details.retry_details.current_attempt)
            for event in self.history
            if isinstance(event.details, StepSucceededDetails | StepFailedDetails)
        }


@dataclass(frozen=True)
class Aftermath:
    """Everything on the disk: what SQLite says of the file, and the executions by name."""

    integrity: str
    executions: dict[str, Remains]


def copy_database(path: Path, to: Path) -> None:
    """The database as it is at this moment, what is still in the log of SQLite included."""
    for suffix in ("", "-wal"):
        Path(f"{to}{suffix}").unlink(missing_ok=True)
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{to}{suffix}")


def look(path: Path) -> Aftermath:
    """What is in a database that no process has open."""
    copy = path.with_suffix(".copy")
    copy_database(path, copy)
    if not copy.exists() or not tables(copy):
        return Aftermath("ok", {})
    with sqlite3.connect(copy) as connection:
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    with FileClient(copy) as client:
        stored = client.list_executions(limit=1000)
        return Aftermath(integrity, {each.name: remains_of(each) for each in stored})


def tables(path: Path) -> int:
    """How many tables there are: none, if the process died before it had created them."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        connection.close()


def remains_of(stored: StoredExecution) -> Remains:
    result = stored.result() if stored.status == "SUCCEEDED" else None
    return Remains(stored.status, stored.history(), stored.operations(), result)


def wire(event: Event) -> object:
    """The event as plain data, to be compared."""
    return msgspec.to_builtins(event)
