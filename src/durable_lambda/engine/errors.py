"""What only an engine raises: trouble with its file, or with how it is called."""

from __future__ import annotations

from durable_lambda.errors import ExecutionError
from durable_lambda.protocol.operations import ErrorObject


class StoreError(ExecutionError):
    """The database cannot be opened, read or written. What was not acknowledged is not stored."""

    code = "STORE"


class FileInUseError(StoreError):
    """Another engine owns the file."""

    code = "FILE_IN_USE"


class EngineClosedError(ExecutionError):
    """The engine was closed before it could answer. Its executions go on when its file is opened again."""

    code = "ENGINE_CLOSED"


class UnknownExecutionError(ExecutionError):
    """There is no execution of that name or ARN."""

    code = "UNKNOWN_EXECUTION"


class FunctionError(Exception):
    """A function that runs elsewhere raised, timed out or died; `error` is what is known of it."""

    def __init__(self, error: ErrorObject) -> None:
        super().__init__(f"{error.error_type}: {error.error_message}")
        self.error = error
