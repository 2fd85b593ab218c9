"""`batch_checkpoints` in a `def` context."""

from __future__ import annotations

from types import TracebackType

from durable_lambda.runtime.sync_scope import SyncScope


class SyncBatchedCheckpoints:
    """Made by `ctx.batch_checkpoints()` of a `SyncDurableContext`."""

    def __init__(self, scope: SyncScope) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        self._scope.strand("batch_checkpoints()")
        self._scope.batches += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.batches -= 1
        if not self._scope.batches and not self._scope.is_ended:
            self._scope.flush()
