"""What a mock context has been told to answer, and what it was asked: the script and the recorder.

What is prepared stands for what the history would have: the operations are given back in whatever order the code asks,
by kind and name. While something prepared is left, the code may not ask for an operation that is not: that is how a
wrong name is found. When nothing is left the code runs on, and operations are carried out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from durable_lambda.batch import BatchItem, BatchResult
from durable_lambda.errors import (
    CallbackError,
    CallbackExternalError,
    CallbackTimeoutError,
    ChildContextError,
    InvokeError,
    InvokeStoppedError,
    InvokeTimeoutError,
    OperationError,
    StepError,
    Suspended,
    WaitForConditionError,
)
from durable_lambda.failures import fields_of
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.rebuilding import ExceptionClasses
from durable_lambda.values import Codec

Failure: TypeAlias = BaseException | str

CONTEXTS: Final = ("child_context", "map", "parallel", "first", "timeout", "with_retry")
"""Operations that are code of the function's own: they run when they are not prepared."""

_FALLBACKS: Final[dict[str, type[OperationError]]] = {
    "step": StepError,
    "callback": CallbackExternalError,
    "invoke": InvokeError,
    "wait_for_condition": WaitForConditionError,
}
_SUSPENSIONS: Final = {
    "step": "STEP_RETRY_SCHEDULED",
    "wait": "WAIT_SUSPENDED",
    "callback": "CALLBACK_SUSPENDED",
    "invoke": "INVOKE_SUSPENDED",
}


class MockMismatchError(AssertionError):
    """The code asked for an operation that was not prepared, while others that were are left."""


class Prepared(msgspec.Struct, frozen=True):
    """An operation as the history would have it."""

    kind: str
    name: str | None
    status: str = "SUCCEEDED"
    value: Any = None
    failure: Failure | None = None
    message: str | None = None
    data: str | None = None
    callback_id: str | None = None

    def give(self, codec: Codec[Any] | None, detail: str = "") -> Any:
        """Its result, decoded as the code asks for it. Raises its failure, or `Suspended` while it has no outcome."""
        if self.status in ("PENDING", "STARTED"):
            raise suspended(self.kind, self.name, detail)
        if self.status != "SUCCEEDED":
            raise self._error(detail)
        return self.value if codec is None else decoded(codec, self.value)

    def _error(self, detail: str) -> BaseException:
        if isinstance(self.failure, BaseException):
            return self.failure
        record = ErrorObject(self.failure, self.message, self.data)
        cause = ": ".join(part for part in (self.failure, self.message or self.data) if part) or self.status
        text = f"{self.kind} failed for operation {self.name!r}{detail}: {cause}"
        if self.kind == "callback":
            kind = CallbackTimeoutError if self.status == "TIMED_OUT" else CallbackExternalError
            kind = CallbackError if self.status in ("STOPPED", "CANCELLED") else kind
            return kind(text, callback_id=self.callback_id, operation_name=self.name, **fields_of(record))
        if self.kind == "invoke":
            kind = {"TIMED_OUT": InvokeTimeoutError, "STOPPED": InvokeStoppedError}.get(self.status, InvokeError)
            return kind(text, operation_name=self.name, **fields_of(record))
        fallback = _FALLBACKS.get(self.kind, ChildContextError)
        return ExceptionClasses().rebuild(record, lambda: fallback(text, operation_name=self.name, **fields_of(record)))


class RecordedUpdate(msgspec.Struct, frozen=True):
    """What a checkpoint would have sent of one operation."""

    kind: str
    name: str | None
    action: str


class RecordedOperation(msgspec.Struct, frozen=True):
    """An operation that the code called. `is_replayed`: its outcome was prepared."""

    kind: str
    name: str | None
    is_replayed: bool

    def __str__(self) -> str:
        return f"{self.kind}:{self.name or ''}"


class Recorder:
    """What the code has asked of a mock context, for a look and for the assertions."""

    def __init__(self) -> None:
        self.operations: list[RecordedOperation] = []
        """In the order of the calls, those in child contexts included."""
        self.checkpoints: list[list[RecordedUpdate]] = []
        """The updates of each checkpoint. What was prepared is replayed, and sends none."""

    def __repr__(self) -> str:
        return f"<recorder of {len(self.operations)} operations, {len(self.checkpoints)} checkpoints>"


class Script:
    """The prepared operations that are left."""

    def __init__(self, prepared: Sequence[Prepared], recorder: Recorder) -> None:
        self._left = list(prepared)
        self.recorder = recorder

    @property
    def left(self) -> list[str]:
        """What is prepared and was not asked for."""
        return [f"{each.kind}:{each.name or ''}" for each in self._left]

    def take(self, kind: str, name: str | None, *, also: str | None = None) -> Prepared | None:
        """The prepared operation that a call asks for; `None` if it is to be carried out. Records the call.

        Args:
            kind: The operation's.
            name: Its name.
            also: Another kind under which it may have been prepared.

        Raises `MockMismatchError`.
        """
        found = next((each for each in self._left if each.name == name and each.kind in (kind, also)), None)
        runs = next((each for each in self._left if each.name == name and each.kind == "run"), None)
        if found is not None:
            self._left.remove(found)
        elif runs is not None:
            self._left.remove(runs)
        elif self._left and kind not in CONTEXTS and any(each.kind != "run" for each in self._left):
            raise MockMismatchError(self._mismatch(kind, name))
        self.recorder.operations.append(RecordedOperation(kind, name, found is not None))
        return found

    def sent(self, *updates: tuple[str, str | None, str]) -> None:
        """A checkpoint would have been sent."""
        self.recorder.checkpoints.append([RecordedUpdate(*update) for update in updates])

    def _mismatch(self, kind: str, name: str | None) -> str:
        asked = f"{kind}:{name or ''}"
        close = difflib.get_close_matches(asked, self.left, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"the code called {asked!r}, which is not prepared, while these are left: {', '.join(self.left)}.{hint} "
            f"Prepare it with the mock's with_…({name!r}, …), or let it run: .with_run({name!r})"
        )


def suspended(kind: str, name: str | None, detail: str = "") -> Suspended:
    """What the code would be suspended with."""
    return Suspended(
        f"{kind} suspended for operation {name!r}{detail}",
        code=_SUSPENSIONS.get(kind, "SUSPENDED"),
        operation_name=name,
    )


def unprepared(kind: str, name: str | None, way: str, detail: str = "") -> Suspended:
    """The same of an operation that the test has prepared nothing for, with the way to do so."""
    error = suspended(kind, name, detail)
    error.add_note(f"nothing is prepared for it: MockDurableContext().{way}")
    return error


def decoded(codec: Codec[Any], value: Any) -> Any:
    """A value as the code would get it from the history: written as JSON, and read as the type that it asks for."""
    try:
        payload = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError):
        payload = codec.encode(value)
    return codec.decode(payload)


def batch_result(results: Sequence[Any], names: Callable[[int], str | None], name: str | None) -> BatchResult[Any]:
    """A batch whose branches gave these; an exception among them is a branch that failed."""
    items: list[BatchItem[Any]] = [
        BatchItem(index, names(index), "FAILED", error=result)
        if isinstance(result, BaseException)
        else BatchItem(index, names(index), "SUCCEEDED", result)
        for index, result in enumerate(results)
    ]
    failed = any(item.error is not None for item in items)
    return BatchResult(items, "FAILURE_TOLERANCE_EXCEEDED" if failed else "ALL_COMPLETED", not failed, name=name)
