"""Where operations get their numbers: a counter for each asyncio task of a context's code.

An operation is numbered when it is called, by the task that calls it, so coroutines with several operations each run in
`gather` or a `TaskGroup` with the same ids whatever their timing.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from durable_lambda.runtime.beginning import Beginning
from durable_lambda.runtime.ids import operation_id
from durable_lambda.runtime.operation import Operation

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation
    from durable_lambda.runtime.scope import Scope


class CodeStrand:
    """A task that runs the code of a handler or of a child context, and may call operations."""

    __slots__ = ("_next_id", "_origin", "count", "draws", "forked", "forks", "group", "prefix", "scope", "task")

    def __init__(self, scope: Scope, prefix: str, origin: tuple[int, ...] = ()) -> None:
        self.scope = scope
        self.group: Invocation = scope.invocation
        self.prefix = prefix
        self._origin = origin
        self.count = 0
        self.draws = 0
        """Ids and numbers that were drawn here."""
        self.forks = 0
        self.forked: list[CodeStrand] = []
        """Its forks, as long as there is a history that they have to agree with."""
        self.task: asyncio.Task[Any] | None = None
        self._next_id: str | None = None

    def peek(self) -> str:
        """The id that the next operation will have."""
        found = self._next_id
        if found is None:
            found = self._next_id = operation_id(f"{self.prefix}{self.count + 1}")
        return found

    def take(self) -> str:
        """The id of the operation that is being called."""
        found = self._next_id
        self.count += 1
        if found is None:
            return operation_id(f"{self.prefix}{self.count}")
        self._next_id = None
        return found

    @property
    def place(self) -> tuple[int, ...]:
        """Where the code is after its latest operation: greater further on, whatever the timing of its tasks."""
        return (*self._origin, self.count)

    def fork(self, coro: object) -> CodeStrand:
        """A namespace for the task of `coro`; a task that only awaits an operation needs none."""
        if type(coro) is Operation:
            return self
        self.forks += 1
        strand = CodeStrand(self.scope, f"{self.prefix}t{self.forks}-", (*self.place, self.forks))
        if self.scope.journal.recorded:
            self.forked.append(strand)
        return strand

    def runs(self, coro: Any) -> Any:
        """A task that the history has operations of is begun, even if it is cancelled at once."""
        code: object = coro
        if not isinstance(code, CoroutineType) or self.ahead() is None:
            return coro
        return Beginning(coro, self.scope.does_count)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.group.adopt(task)

    def ahead(self) -> str | None:
        """The id of an operation that the history has for what this code does next: its own next operation, the first
        one of its next task, or, if the next one leaves no record of its own, the first one below that."""
        recorded = self.scope.journal.recorded
        if not recorded:
            return None
        following = self.peek()
        candidates = (
            following,
            operation_id(f"{self.prefix}t{self.forks + 1}-1"),
            operation_id(f"{following}-1"),
        )
        return next((each for each in candidates if each in recorded), None)

    def uncalled(self) -> str | None:
        """The id of an operation that the history has, and that this code has ended without calling.

        A task that has not ended may still call it, and is not asked.
        """
        missing = self.ahead()
        if missing is not None:
            return missing
        ended = (fork.uncalled() for fork in self.forked if fork.has_ended)
        return next((missing for missing in ended if missing is not None), None)

    @property
    def has_ended(self) -> bool:
        """Whether its task ran to an end of its own: one that was cancelled may have been ahead when it was before."""
        task = self.task
        return task is not None and task.done() and not task.cancelled() and not task.cancelling()


class RunningAttempt(Protocol):
    """An attempt of a step or a condition, as far as a strand knows it."""

    @property
    def attempt(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def operation_id(self) -> str: ...


class BodyStrand:
    """A task that runs the body of a step, and those that the body creates: no operations here."""

    __slots__ = ("attempt", "group", "parent_id")

    scope = None

    def __init__(self, group: Invocation, attempt: RunningAttempt, parent_id: str | None) -> None:
        self.group = group
        self.attempt = attempt
        """What `current_step()` gives."""
        self.parent_id = parent_id
        """The CONTEXT operation that the step belongs to."""

    def fork(self, coro: object) -> BodyStrand:
        return self

    def runs(self, coro: Any) -> Any:
        return coro

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self.group.adopt(task)
