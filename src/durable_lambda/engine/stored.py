"""`StoredExecution`: an execution as it is on disk, for who does not host it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable_lambda.engine.errors import UnknownExecutionError
from durable_lambda.engine.handle import ExecutionHandle
from durable_lambda.engine.machine.identity import no_entropy
from durable_lambda.engine.machine.log import history_of, recover
from durable_lambda.engine.outcome import result_of
from durable_lambda.engine.store import ExecutionRow, StoreReader
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import ExecutionStatus, Operation


class StoredExecution(ExecutionHandle):
    """A snapshot of who it is and how it stood; its history and operations are read when asked for."""

    def __init__(self, reader: StoreReader, row: ExecutionRow) -> None:
        super().__init__(row)
        self._reader = reader

    @property
    def status(self) -> ExecutionStatus:
        """RUNNING, PAUSING, PAUSED, SUCCEEDED, FAILED, TIMED_OUT or STOPPED, when this object was made."""
        return self._row.status

    @property
    def ended_at(self) -> int | None:
        """When it ended, in epoch milliseconds."""
        return self._row.ended_at

    def history(self) -> Sequence[Event]:
        """Its events so far, the oldest first."""
        return history_of(self._reader.log(self._row.key))

    def operations(self) -> Sequence[Operation]:
        """Its operations as they stand, in the order in which they started, the EXECUTION first."""
        return list(recover(self._reader.log(self._row.key), no_entropy).operations.values())

    def result(self) -> Any:
        """Its result, decoded from JSON, if it has ended.

        Raises `ExecutionFailedError`, `ExecutionTimedOutError` or `ExecutionStoppedError` if it ended so, and
        `UnknownExecutionError` if it has no end yet.
        """
        end = self._reader.end(self._row.key)
        if end is None:
            raise UnknownExecutionError(f"execution {self.name!r} has no result yet: it is running")
        return result_of(self.name, end)
