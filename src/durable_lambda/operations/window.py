"""Runs the branches of a batch: a window that rolls over them in order, until the batch is decided.

At most so many branches are begun and not done at any time, those that are suspended included. Branches that the
history has as done are taken from it at once. The cost of a branch does not depend on how many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from durable_lambda.completion import BatchProgress, Completion, CompletionReason
from durable_lambda.runtime.operation import Operation


class Window:
    """Args:
    start: Begins the branch of an index, and gives its operation.
    done: Called with the index of each branch that is done; tells whether it succeeded.
    limit: How many may be under way.
    batch_size: After so many, wait until all of them are done.
    """

    def __init__(
        self,
        total: int,
        completion: Completion,
        *,
        start: Callable[[int], Operation[Any]],
        done: Callable[[int], bool],
        limit: int | None,
        batch_size: int | None,
    ) -> None:
        self._total = total
        self._completion = completion
        self._start = start
        self._done = done
        self._limit = total if limit is None else limit
        self._batch_size = batch_size
        self._next = 0
        self._succeeded = 0
        self._failed = 0
        self._news: asyncio.Future[None] | None = None
        self.under_way: dict[int, Operation[Any]] = {}
        """Branches that are begun and not done."""

    @property
    def progress(self) -> BatchProgress:
        return BatchProgress(self._total, self._succeeded, self._failed)

    async def run(self) -> CompletionReason:
        """Run branches until the batch is decided, and say why it is."""
        while True:
            reason = self._fill()
            if reason is not None:
                return reason
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    def _fill(self) -> CompletionReason | None:
        reason = self._completion.decide(self.progress)
        while reason is None and self._has_room():
            index = self._next
            self._next += 1
            operation = self._start(index)
            if operation.task is None:
                self._count(index)
                reason = self._completion.decide(self.progress)
            else:
                self.under_way[index] = operation
                operation.task.add_done_callback(lambda _, index=index: self._on_done(index))
        return reason

    def _has_room(self) -> bool:
        if self._next >= self._total or len(self.under_way) >= self._limit:
            return False
        return not (self._batch_size is not None and self._next % self._batch_size == 0 and self.under_way)

    def _on_done(self, index: int) -> None:
        if self.under_way.pop(index, None) is None:
            return
        self._count(index)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _count(self, index: int) -> None:
        if self._done(index):
            self._succeeded += 1
        else:
            self._failed += 1
