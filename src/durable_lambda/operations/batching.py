"""`batch_checkpoints`: outcomes flow on in the code, while their checkpoints travel together.

They are sent at the end of the block, on `flush`, and before anything that must not overtake them: a suspension, a
callback, an invoke, an at-most-once step, a return or a raise. A crash before that runs again what was not stored; it
never loses what was.
"""

from __future__ import annotations

from types import TracebackType

from durable_lambda.runtime.scope import Scope


class BatchedCheckpoints:
    """Made by `ctx.batch_checkpoints()`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __aenter__(self) -> None:
        self._scope.batches += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.batches -= 1
        if not self._scope.batches and not self._scope.is_ended:
            await self._scope.checkpointer.flush_all()
