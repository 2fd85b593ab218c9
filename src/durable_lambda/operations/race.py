"""`first` and `timeout`: who was first is not in a history by itself, so these record it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from durable_lambda.arguments import Duration, check_part_name, whole_seconds
from durable_lambda.batch import BatchResult
from durable_lambda.completion import Completion
from durable_lambda.errors import ValidationError
from durable_lambda.operations.concurrent import Batch, BranchSpec
from durable_lambda.operations.outcome import check_branch
from durable_lambda.operations.parallel import ParallelBranch
from durable_lambda.operations.wait import Wait
from durable_lambda.protocol.limits import MAX_WAIT_SECONDS, MIN_WAIT_SECONDS
from durable_lambda.runtime.scope import Scope

T = TypeVar("T")

TIMER: Final = "timer"
"""The branch of a `timeout` that keeps the time."""


class Race(Batch[T]):
    """Branches of which one decides."""

    __slots__ = ()

    sub_type = "Parallel"
    code = "PARALLEL_FAILED"


class First(Race[tuple[str, Any]]):
    """Branches, until one of them succeeds."""

    __slots__ = ("branches",)

    verb = "first"
    kind = "first"

    def __init__(self, scope: Scope, name: str | None, branches: dict[str, Callable[..., Any]]) -> None:
        super().__init__(scope, name, completion=Completion.first_successful())
        self.branches = branches

    def specs(self) -> list[BranchSpec]:
        if not self.branches:
            raise ValidationError(
                'first() takes branches by name: ctx.first("quote", train=ask_train, plane=ask_plane)'
            )
        for key, branch in self.branches.items():
            check_part_name(key, "a branch of first()")
            check_branch(branch, repr(key), self.verb)
            self.scope.check_code(branch, self.verb)
        return [BranchSpec(key, branch, (), ParallelBranch) for key, branch in self.branches.items()]

    def outcome(self, batch: BatchResult[Any]) -> tuple[str, Any]:
        batch.results()  # raises when none has succeeded
        winner = batch.succeeded[0]
        return str(winner.name), winner.result


class Timer(ParallelBranch):
    """The branch that is done when the time is over."""

    __slots__ = ()

    def begin(self) -> None:
        self.announce(self.update("START"))  # it has no code that could do it

    async def code(self) -> None:
        await self.inside.start(Wait(self.inside, "timeout", *self.args))


def _no_code(duration: Duration) -> None:
    """A timer has none: it waits."""


class Timeout(Race[Any]):
    """A function beside a timer."""

    __slots__ = ("args", "duration", "fn")

    verb = "timeout"
    kind = "timeout"

    def __init__(
        self, scope: Scope, name: str | None, duration: Duration, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        super().__init__(scope, name, completion=Completion.when(lambda progress: progress.completed_count > 0))
        self.duration = duration
        self.fn = fn
        self.args = args

    def specs(self) -> list[BranchSpec]:
        self.scope.check_code(self.fn, self.verb)
        whole_seconds(self.duration, "the duration of timeout()", minimum=MIN_WAIT_SECONDS, maximum=MAX_WAIT_SECONDS)
        work = BranchSpec("work", self.fn, self.args, ParallelBranch)
        return [work, BranchSpec(TIMER, _no_code, (self.duration,), Timer)]

    def outcome(self, batch: BatchResult[Any]) -> Any:
        work = batch.items[0]
        if work.error is not None:
            raise work.error
        if work.status != "SUCCEEDED":
            raise TimeoutError(f"{self.label} did not end within {self.duration} (seconds, if no unit is shown)")
        return work.result
