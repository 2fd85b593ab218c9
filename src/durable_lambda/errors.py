"""Everything that this package raises, drawn as the tree that it is.

    DurableError
    ├── ValidationError                     VALIDATION
    ├── SerializationError                  SERIALIZATION
    ├── DeserializationError                DESERIALIZATION
    ├── NonDeterministicExecutionError      REPLAY_MISMATCH
    ├── CheckpointError                     CHECKPOINT_FAILED
    ├── BackendError                        AWS_SDK, AWS_SDK_OPERATION
    ├── OperationError                      OPERATION_FAILED
    │   ├── StepError                       STEP_FAILED
    │   │   ├── StepTimeoutError            STEP_TIMEOUT
    │   │   └── StepInterruptedError        STEP_INTERRUPTED
    │   ├── CallbackError                   CALLBACK_FAILED
    │   │   ├── CallbackExternalError · CallbackTimeoutError · CallbackSubmitterError
    │   ├── InvokeError                     INVOKE_FAILED
    │   │   ├── InvokeTimeoutError · InvokeStoppedError
    │   ├── ChildContextError               CHILD_CONTEXT_FAILED
    │   ├── WaitForConditionError           CONDITION_FAILED
    │   ├── BatchError (ExceptionGroup)     PARALLEL_FAILED, MAP_FAILED
    │   └── CompensationError               COMPENSATION_FAILED
    └── ExecutionError                      EXECUTION_FAILED
        ├── ExecutionFailedError            EXECUTION_FAILED
        ├── ExecutionTimedOutError          EXECUTION_TIMED_OUT
        ├── ExecutionStoppedError           EXECUTION_STOPPED
        ├── ExecutionPausedError            EXECUTION_PAUSED
        └── ExecutionAlreadyStartedError    EXECUTION_ALREADY_STARTED
    Suspended (BaseException)               STEP_RETRY_SCHEDULED, WAIT_SUSPENDED, CALLBACK_SUSPENDED, …

Every error has a stable `.code`; one that concerns an operation has `.operation_name` and `.operation_id`. Suspension
is not an error and therefore no `Exception`: an `except Exception` must not catch it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypedDict, Unpack

__all__ = [
    "BackendError",
    "BatchError",
    "CallbackError",
    "CallbackExternalError",
    "CallbackSubmitterError",
    "CallbackTimeoutError",
    "CheckpointError",
    "ChildContextError",
    "CompensationError",
    "DeserializationError",
    "DurableError",
    "ExecutionAlreadyStartedError",
    "ExecutionError",
    "ExecutionFailedError",
    "ExecutionPausedError",
    "ExecutionStoppedError",
    "ExecutionTimedOutError",
    "InvokeError",
    "InvokeStoppedError",
    "InvokeTimeoutError",
    "NonDeterministicExecutionError",
    "OperationError",
    "SerializationError",
    "StepError",
    "StepInterruptedError",
    "StepTimeoutError",
    "Suspended",
    "ValidationError",
    "WaitForConditionError",
]


class DurableError(Exception):
    """The root of this package's errors.

    `code` is stable and meant for programs; the text is meant for people and may change.
    """

    code: str = "DURABLE"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        operation_name: str | None = None,
        operation_id: str | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.operation_name = operation_name
        self.operation_id = operation_id


class ValidationError(DurableError):
    """A name, a duration, an option or a call that cannot be right. Raised before anything is sent or stored."""

    code = "VALIDATION"


class SerializationError(DurableError):
    """A value that cannot be written as JSON, or cannot be read back as the type it is declared to have."""

    code = "SERIALIZATION"


class DeserializationError(DurableError):
    """Stored or received JSON that does not fit the type that was asked for."""

    code = "DESERIALIZATION"


class NonDeterministicExecutionError(DurableError):
    """The code asked for another operation than the history has at that place.

    The execution ends with this error, whatever the function does with it.
    """

    code = "REPLAY_MISMATCH"


class CheckpointError(DurableError):
    """The service refused a checkpoint for good. The execution ends with this error."""

    code = "CHECKPOINT_FAILED"


class BackendError(DurableError):
    """The service could not be reached, or answered with a fault of its own. The invocation is tried again."""

    code = "AWS_SDK"


class ErrorFields(TypedDict, total=False):
    """What is recorded of a failure, as the arguments that an `OperationError` takes."""

    error_type: str | None
    error_message: str | None
    error_data: str | None
    stack_trace: list[str] | None


class OperationFields(ErrorFields, total=False):
    """The same, and whose failure it is."""

    operation_name: str | None
    operation_id: str | None


class OperationError(DurableError):
    """An operation failed. What was recorded of the failure is in `error_type`, `error_message`, `error_data` and
    `stack_trace`; each may be `None`."""

    code = "OPERATION_FAILED"

    def __init__(
        self,
        message: str,
        *,
        operation_name: str | None = None,
        operation_id: str | None = None,
        error_type: str | None = None,
        error_message: str | None = None,
        error_data: str | None = None,
        stack_trace: list[str] | None = None,
    ) -> None:
        super().__init__(message, operation_name=operation_name, operation_id=operation_id)
        self.error_type = error_type
        self.error_message = error_message
        self.error_data = error_data
        self.stack_trace = stack_trace


class StepError(OperationError):
    """A step failed with an exception that cannot be rebuilt as itself; `error_type` names it."""

    code = "STEP_FAILED"


class StepTimeoutError(StepError, TimeoutError):
    """The body of a step did not end within its `timeout`."""

    code = "STEP_TIMEOUT"


class StepInterruptedError(StepError):
    """An attempt of an at-most-once step began, and its process ended before the outcome was stored.

    Whether its effect happened is unknown; the body is not run again for that attempt.
    """

    code = "STEP_INTERRUPTED"


class CallbackError(OperationError):
    """A callback did not succeed."""

    code = "CALLBACK_FAILED"

    def __init__(
        self,
        message: str,
        *,
        callback_id: str | None = None,
        **recorded: Unpack[OperationFields],
    ) -> None:
        super().__init__(message, **recorded)
        self.callback_id = callback_id


class CallbackExternalError(CallbackError):
    """Whoever completes the callback answered with a failure."""


class CallbackTimeoutError(CallbackError, TimeoutError):
    """No answer, or no heartbeat, came in time."""


class CallbackSubmitterError(CallbackError):
    """The step that hands the callback's id to the outside failed."""


class InvokeError(OperationError):
    """The function that was invoked failed, or could not be invoked; `error_type` names its error."""

    code = "INVOKE_FAILED"


class InvokeTimeoutError(InvokeError):
    """The execution of the function that was invoked did not end within its time-out."""


class InvokeStoppedError(InvokeError):
    """The execution of the function that was invoked was stopped from outside."""


class ChildContextError(OperationError):
    """A child context failed with an exception that cannot be rebuilt as itself; `error_type` names it."""

    code = "CHILD_CONTEXT_FAILED"


class WaitForConditionError(OperationError):
    """A condition was not met after as many checks as its `Poll` allows, or its check failed with what cannot be
    rebuilt as itself."""

    code = "CONDITION_FAILED"


class BatchError(OperationError, ExceptionGroup[Exception]):
    """A `parallel` or `map` did not succeed: a group of what its branches raised, for `except*` too."""

    code = "PARALLEL_FAILED"

    def __new__(
        cls,
        message: str,
        exceptions: Sequence[Exception],
        *,
        code: str | None = None,
        operation_name: str | None = None,
        operation_id: str | None = None,
    ) -> BatchError:
        return super().__new__(cls, message, exceptions)

    def __init__(
        self,
        message: str,
        exceptions: Sequence[Exception],
        *,
        code: str | None = None,
        operation_name: str | None = None,
        operation_id: str | None = None,
    ) -> None:
        super().__init__(message, operation_name=operation_name, operation_id=operation_id)
        if code is not None:
            self.code = code

    def derive(self, excs: Sequence[Exception]) -> BatchError:  # type: ignore[override]  # narrower than the base's
        return BatchError(
            self.message, excs, code=self.code, operation_name=self.operation_name, operation_id=self.operation_id
        )


class CompensationError(OperationError):
    """A saga failed, and so did a compensation of it. `result` tells of each one; the cause is what the saga failed
    with."""

    code = "COMPENSATION_FAILED"

    def __init__(
        self,
        message: str,
        *,
        result: object = None,
        **recorded: Unpack[OperationFields],
    ) -> None:
        super().__init__(message, **recorded)
        self.result = result


class ExecutionError(DurableError):
    """What an engine or a client says of an execution."""

    code = "EXECUTION_FAILED"


class ExecutionFailedError(ExecutionError):
    """The execution failed. `error_type`, `error_message`, `error_data` and `stack_trace` are what it recorded."""

    def __init__(
        self,
        message: str,
        *,
        error_type: str | None = None,
        error_message: str | None = None,
        error_data: str | None = None,
        stack_trace: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.error_message = error_message
        self.error_data = error_data
        self.stack_trace = stack_trace


class ExecutionTimedOutError(ExecutionError):
    """The execution did not end within its `execution_timeout`."""

    code = "EXECUTION_TIMED_OUT"


class ExecutionStoppedError(ExecutionError):
    """The execution was stopped from outside."""

    code = "EXECUTION_STOPPED"


class ExecutionPausedError(ExecutionError):
    """The code does not fit the history of an execution, which is paused until the code is mended. Nothing is lost.

    Raised to who waits for the end. `execution_name` is the name of the one that is paused, which is the execution that
    is waited for, or one that it has invoked. `reason` is the difference.
    """

    code = "EXECUTION_PAUSED"

    def __init__(self, message: str, *, execution_name: str, reason: str) -> None:
        super().__init__(message)
        self.execution_name = execution_name
        self.reason = reason


class ExecutionAlreadyStartedError(ExecutionError):
    """An execution of that name exists, with another payload."""

    code = "EXECUTION_ALREADY_STARTED"


class Suspended(BaseException):
    """The invocation ends here and its execution goes on later: control flow, not an error.

    Seen by code that calls an operation while its invocation is being unwound, by sync handlers, mocks and hooks.
    """

    codes: ClassVar[dict[str, str]] = {
        "STEP": "STEP_RETRY_SCHEDULED",
        "WAIT": "WAIT_SUSPENDED",
        "CALLBACK": "CALLBACK_SUSPENDED",
        "CHAINED_INVOKE": "INVOKE_SUSPENDED",
    }

    def __init__(
        self, message: str, *, code: str, operation_name: str | None = None, operation_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.operation_name = operation_name
        self.operation_id = operation_id
