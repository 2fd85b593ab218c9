"""A checkpoint's updates while they are judged: an overlay, so that the state is left alone until all are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.records import ExecutionStarted, OperationRecord, OperationStarted, Record
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.protocol.updates import OperationUpdate

if TYPE_CHECKING:
    from durable_lambda.engine.machine.state import ExecutionState
    from durable_lambda.engine.machine.targets import Targets

Change: TypeAlias = tuple[Record, Operation | None]
"""A record, and its operation as it is afterwards."""


def refuse(message: str) -> InvalidParameterValueException:
    """The error with which the service refuses a request, to be raised."""
    return InvalidParameterValueException(message)


def text_size(text: str | None) -> int:
    """Bytes of the text in UTF-8."""
    if text is None:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def error_size(error: ErrorObject | None) -> int:
    """Bytes of everything in an error."""
    if error is None:
        return 0
    size = text_size(error.error_type) + text_size(error.error_message) + text_size(error.error_data)
    return size + sum(map(text_size, error.stack_trace or ()))


def check_bounds(what: str, value: int, lowest: int, highest: int) -> None:
    """Refuse a number outside its bounds, in the service's words."""
    if not lowest <= value <= highest:
        bound = f"greater than or equal to {lowest}" if value < lowest else f"less than or equal to {highest}"
        raise refuse(
            f"1 validation error detected: Value '{value}' at '{what}' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )


class Batch:
    """What has been accepted so far, and what the modules of the operation types may ask for."""

    __slots__ = ("_state", "changed", "changes", "children", "data", "limits", "now", "targets")

    def __init__(self, state: ExecutionState, limits: Limits, now: int, targets: Targets) -> None:
        self._state = state
        self.limits = limits
        self.now = now
        self.targets = targets
        self.changes: list[Change] = []
        self.changed: dict[str, Operation] = {}
        self.children: list[ExecutionStarted] = []
        """Executions that begin with it."""
        self.data = 0
        """Bytes of payloads and errors."""

    def operation(self, operation_id: str) -> Operation | None:
        """The operation as it would be now."""
        return self.changed.get(operation_id) or self._state.operations.get(operation_id)

    def accept(self, record: OperationRecord) -> None:
        """Take a record whose update is legal."""
        known = self.operation(record.id)
        if known is not None:
            after = record.evolve(known)
        else:
            assert isinstance(record, OperationStarted)
            after = record.create()
        self.changed[record.id] = after
        self.changes.append((record, after))

    @property
    def execution_id(self) -> str:
        """Whose checkpoint it is."""
        return self._state.id

    def new_execution_id(self) -> str:
        """An id for an execution that begins with this batch."""
        return self._state.ids.execution_id()

    def new_callback_id(self) -> str:
        """An id for a callback that begins in this batch."""
        return self._state.ids.callback_id()

    def check_payload(self, update: OperationUpdate) -> None:
        """Refuse what is too large or does not go with the action."""
        if update.payload is not None:
            if update.action == "FAIL":
                raise refuse("Cannot provide a Payload for FAIL action.")
            size = text_size(update.payload)
            self.data += size
            if size > self.limits.operation_payload:
                raise refuse(
                    f"{update.type} output payload size must be less than or equal to "
                    f"{self.limits.operation_payload} bytes."
                )
        if update.error is not None:
            if update.action == "SUCCEED":
                raise refuse("Cannot provide an Error for SUCCEED action.")
            self.check_error(update.error)

    def check_error(self, error: ErrorObject) -> None:
        """Refuse an error that is too large."""
        size = error_size(error)
        self.data += size
        if size > self.limits.error_object:
            raise refuse(f"Error object size must be less than {self.limits.error_object} bytes.")
