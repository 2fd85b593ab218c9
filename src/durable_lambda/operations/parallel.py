"""`parallel`: branches that are functions of a context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from durable_lambda.arguments import check_part_name
from durable_lambda.batch import BatchResult
from durable_lambda.completion import Completion
from durable_lambda.errors import ValidationError
from durable_lambda.operations.concurrent import Batch, Branch, BranchSpec, Nesting
from durable_lambda.operations.outcome import check_branch
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec


class ParallelBranch(Branch):
    __slots__ = ()
    sub_type = "ParallelBranch"
    verb = "branch"


class Parallel(Batch[BatchResult[Any]]):
    """Branches that are functions of a context, in a list or by name."""

    __slots__ = ("branches",)

    sub_type = "Parallel"
    verb = "parallel"
    kind = "parallel"
    code = "PARALLEL_FAILED"

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        branches: Sequence[Callable[..., Any]] | dict[str, Callable[..., Any]],
        *,
        max_concurrency: int | None,
        completion: Completion | None,
        nesting: Nesting,
        item_codec: Codec[Any] | None,
        codec: Codec[BatchResult[Any]] | None,
    ) -> None:
        super().__init__(
            scope,
            name,
            max_concurrency=max_concurrency,
            completion=completion,
            nesting=nesting,
            item_codec=item_codec,
            codec=codec,
        )
        self.branches = branches

    def outcome(self, batch: BatchResult[Any]) -> BatchResult[Any]:
        return batch

    def specs(self) -> list[BranchSpec]:
        branches = self.branches
        if isinstance(branches, dict):
            named = list(branches.items())
        elif isinstance(branches, (list, tuple)):
            named = [(f"parallel-branch-{index}", branch) for index, branch in enumerate(branches)]
        else:
            raise ValidationError(
                f"parallel() takes a list of functions of the context, or a dict of names to them, not {branches!r}: "
                'ctx.parallel("quotes", [train, plane]), ctx.parallel("quotes", {"train": train, "plane": plane})'
            )
        for index, (name, branch) in enumerate(named):
            check_part_name(name, "a branch of parallel()")
            check_branch(branch, repr(name) if isinstance(branches, dict) else str(index), self.verb)
            self.scope.check_code(branch, self.verb)
        return [BranchSpec(name, branch, (), ParallelBranch) for name, branch in named]
