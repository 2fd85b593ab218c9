"""`BatchResult`: what became of each branch of a `parallel` or `map`, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

from durable_lambda.completion import CompletionReason
from durable_lambda.errors import BatchError, OperationError
from durable_lambda.failures import error_type_name, text_of

T = TypeVar("T")

ItemStatus: TypeAlias = Literal["SUCCEEDED", "FAILED", "STARTED"]


class BatchItem(msgspec.Struct, Generic[T], frozen=True):
    """One branch. `STARTED` is one that was not done, or not begun, when the batch was decided."""

    index: int
    name: str | None
    status: ItemStatus
    result: T | None = None
    error: BaseException | None = None


class BatchResult(msgspec.Struct, Generic[T], frozen=True):
    """The branches of a batch, and the reason for which it was decided.

    It is data: a branch that failed raises nothing by itself. Ask for `results()` to have it raise.
    """

    items: list[BatchItem[T]]
    completion_reason: CompletionReason
    is_met: bool
    """Whether the batch was decided as its completion asks for."""
    code: str = "PARALLEL_FAILED"
    """Of the `BatchError` that `results()` raises."""
    name: str | None = None
    operation_id: str | None = None

    def __iter__(self) -> Iterator[BatchItem[T]]:
        return iter(self.items)

    def results(self) -> list[T]:
        """The results of the branches that succeeded, in the order in which the branches were given.

        Raises:
            BatchError: The batch did not succeed; an `ExceptionGroup` of what its branches raised.
        """
        if not self.is_met:
            causes = self._causes()
            raise BatchError(
                f"batch {self.name!r} did not succeed ({self.completion_reason}): {self.failure_count} of "
                f"{self.total_count} branches failed, the first with {error_type_name(type(causes[0]))}: "
                f"{text_of(causes[0])}",
                causes,
                code=self.code,
                operation_name=self.name,
                operation_id=self.operation_id,
            )
        return [item.result for item in self.items if item.status == "SUCCEEDED"]  # type: ignore[misc]  # `None` may be a result

    def _causes(self) -> list[Exception]:
        causes = [error if isinstance(error, Exception) else OperationError(repr(error)) for error in self.errors()]
        return causes or [OperationError(f"decided as {self.completion_reason} without a failed branch")]

    def errors(self) -> list[BaseException]:
        """What the branches that failed raised, in the order in which the branches were given."""
        return [item.error for item in self.items if item.error is not None]

    @property
    def succeeded(self) -> list[BatchItem[T]]:
        return [item for item in self.items if item.status == "SUCCEEDED"]

    @property
    def failed(self) -> list[BatchItem[T]]:
        return [item for item in self.items if item.status == "FAILED"]

    @property
    def started(self) -> list[BatchItem[T]]:
        """Branches that were not done when the batch was decided."""
        return [item for item in self.items if item.status == "STARTED"]

    @property
    def success_count(self) -> int:
        return len(self.succeeded)

    @property
    def failure_count(self) -> int:
        return len(self.failed)

    @property
    def total_count(self) -> int:
        return len(self.items)

    @property
    def status(self) -> Literal["SUCCEEDED", "FAILED"]:
        """As the service's SDKs have it: `FAILED` when any branch failed, unless a predicate decided otherwise."""
        if self.completion_reason == "CUSTOM_COMPLETION_SUCCEEDED":
            return "SUCCEEDED"
        failed = self.completion_reason in ("CUSTOM_COMPLETION_FAILED", "FAILURE_TOLERANCE_EXCEEDED")
        return "FAILED" if failed or self.failure_count else "SUCCEEDED"
