"""Who an execution is: what is known of it from its row, whether an engine hosts it or not."""

from __future__ import annotations

from durable_lambda.engine.machine.identity import execution_arn
from durable_lambda.engine.store import ExecutionRow


class ExecutionHandle:
    """The base of `Execution` and `StoredExecution`."""

    def __init__(self, row: ExecutionRow) -> None:
        self._row = row

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self.function}>"

    @property
    def arn(self) -> str:
        """Its ARN; the last segment is its id."""
        return execution_arn(self._row.function, self._row.name, self._row.id)

    @property
    def id(self) -> str:
        """Its id: a UUID."""
        return self._row.id

    @property
    def name(self) -> str:
        """The name that it was started with, or its id."""
        return self._row.name

    @property
    def function(self) -> str:
        """The name of its function."""
        return self._row.function

    @property
    def started_at(self) -> int:
        """When it was started, in epoch milliseconds."""
        return self._row.started_at
