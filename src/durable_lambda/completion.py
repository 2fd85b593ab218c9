"""When a batch of branches is decided, and how.

A `Completion` is a value: it says of the counts so far whether the batch is decided, and why. The reasons are the
service's words. Failures are tolerated up to a bound and not beyond it; a predicate takes the place of every bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from durable_lambda.arguments import answer_of, check_predicate
from durable_lambda.errors import ValidationError

CompletionReason: TypeAlias = Literal[
    "ALL_COMPLETED",
    "MIN_SUCCESSFUL_REACHED",
    "FAILURE_TOLERANCE_EXCEEDED",
    "CUSTOM_COMPLETION_SUCCEEDED",
    "CUSTOM_COMPLETION_FAILED",
]


class BatchProgress(msgspec.Struct, frozen=True):
    """How far a batch is: what a predicate of `Completion.when` decides from."""

    total_count: int
    success_count: int
    failure_count: int

    @property
    def completed_count(self) -> int:
        """Branches that are done, either way."""
        return self.success_count + self.failure_count


Predicate: TypeAlias = Callable[[BatchProgress], Literal["SUCCEEDED", "FAILED"] | bool | None]


class Completion(msgspec.Struct, frozen=True):
    """When `parallel` and `map` are decided. Use one of the constructors; the default is `all_successful`."""

    min_successful: int | None = None
    tolerated_failures: int | None = None
    tolerated_percentage: float | None = None
    predicate: Predicate | None = None

    @classmethod
    def all_successful(cls) -> Completion:
        """Every branch must succeed: the first failure decides the batch."""
        return cls(tolerated_failures=0)

    @classmethod
    def all_completed(cls) -> Completion:
        """Run every branch to its end, whatever becomes of it."""
        return cls()

    @classmethod
    def first_successful(cls) -> Completion:
        """One success decides the batch."""
        return cls(min_successful=1)

    @classmethod
    def at_least(cls, count: int) -> Completion:
        """So many successes decide the batch; failures do not.

        Raises:
            ValidationError: Below 1.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"Completion.at_least() takes a number of branches from 1, not {count!r}")
        return cls(min_successful=count)

    @classmethod
    def tolerate(cls, *, failures: int | None = None, percentage: float | None = None) -> Completion:
        """So many failures, or so large a part of all branches (0 to 100), are accepted; one more decides the batch.

        Raises:
            ValidationError: Neither is given, or one is out of bounds.
        """
        if failures is None and percentage is None:
            raise ValidationError("Completion.tolerate() takes failures=, percentage=, or both")
        if failures is not None and (isinstance(failures, bool) or not isinstance(failures, int) or failures < 0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"failures must be a number of branches from 0, not {failures!r}")
        if percentage is not None and not (
            isinstance(percentage, (int, float))  # pyright: ignore[reportUnnecessaryIsInstance]
            and not isinstance(percentage, bool)
            and math.isfinite(percentage)
            and 0 <= percentage <= 100
        ):
            raise ValidationError(f"percentage must be from 0 to 100, not {percentage!r}")
        return cls(tolerated_failures=failures, tolerated_percentage=percentage)

    @classmethod
    def when(cls, predicate: Predicate) -> Completion:
        """Ask a predicate after every branch, and once before the first.

        It gets a `BatchProgress` and answers `True` or `"SUCCEEDED"`, `"FAILED"`, or `None` or `False` for not yet. It
        must be pure. When no branch is left the batch is decided without it.
        """
        what = "Completion.when() takes a function of the progress"
        check_predicate(predicate, what, "Completion.when(lambda progress: progress.success_count >= 2)")
        return cls(predicate=predicate)

    def check(self, total: int) -> None:
        """Raises `ValidationError` when a batch of that many branches could never be decided so."""
        if self.min_successful is not None and self.min_successful > total:
            raise ValidationError(
                f"the completion asks for {self.min_successful} successful branches, and there are {total}: it can "
                f"never be met; ask for {total} at most, or leave out the call when there are too few"
            )

    def least(self, total: int) -> int:
        """How many of so many branches are begun at least, if none of them fails."""
        if self.predicate is not None:
            return 0
        return total if self.min_successful is None else self.min_successful

    def decide(self, progress: BatchProgress) -> CompletionReason | None:
        """The reason for which the batch is decided, or `None` when it is not."""
        if self.predicate is not None:
            verdict = answer_of(self.predicate(progress), "the predicate of Completion.when()")
            if verdict == "FAILED":
                return "CUSTOM_COMPLETION_FAILED"
            if verdict:
                return "CUSTOM_COMPLETION_SUCCEEDED"
        elif self.is_exceeded(progress):
            return "FAILURE_TOLERANCE_EXCEEDED"
        if progress.completed_count == progress.total_count:
            return "ALL_COMPLETED"
        if self.min_successful is not None and progress.success_count >= self.min_successful:
            return "MIN_SUCCESSFUL_REACHED"
        return None

    def is_exceeded(self, progress: BatchProgress) -> bool:
        """Whether more branches have failed than are tolerated."""
        failed = progress.failure_count
        if self.tolerated_failures is not None and failed > self.tolerated_failures:
            return True
        if self.tolerated_percentage is None or not progress.total_count:
            return False
        return failed * 100 / progress.total_count > self.tolerated_percentage

    def is_met(self, reason: CompletionReason, progress: BatchProgress) -> bool:
        """Whether a batch that was decided for a reason is a success to whoever asks for its results."""
        if reason != "ALL_COMPLETED":
            return reason in ("MIN_SUCCESSFUL_REACHED", "CUSTOM_COMPLETION_SUCCEEDED")
        if self.min_successful is not None:
            return progress.success_count >= self.min_successful
        tolerant = self.tolerated_failures is not None or self.tolerated_percentage is not None
        return not progress.failure_count or (tolerant and not self.is_exceeded(progress))
