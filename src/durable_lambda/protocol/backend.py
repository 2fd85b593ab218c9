"""The two calls that an SDK makes of a durable execution service, whoever answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from durable_lambda.protocol.operations import RawOperation
from durable_lambda.protocol.updates import OperationUpdate


class ExecutionState(msgspec.Struct, rename="pascal"):
    """A page of operations; more follow while `next_marker` is a non-empty string."""

    operations: list[RawOperation] = []
    next_marker: str | None = None


class CheckpointResponse(msgspec.Struct, rename="pascal"):
    """The next token, and every operation that changed since the last checkpoint, the sender's own included.

    No token means that this invocation may not checkpoint again: its execution ended, is being paused, or exceeded a
    quota. The updates were stored all the same.
    """

    checkpoint_token: str | None = None
    new_execution_state: ExecutionState = msgspec.field(default_factory=ExecutionState)


@runtime_checkable
class DurableBackend(Protocol):
    """Where checkpoints go. Errors are raised as `durable_lambda.protocol.errors.ServiceError`."""

    async def checkpoint(
        self,
        arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None = None,
    ) -> CheckpointResponse:
        """Store all updates or none. The token is spent by a success and answered with the next one."""
        ...

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        """A page of operations; the token is not spent."""
        ...


@runtime_checkable
class LimitedBackend(DurableBackend, Protocol):
    """A backend that knows how many operations an execution may have there. Of any other the service's limit is
    assumed."""

    @property
    def operation_limit(self) -> int | None:
        """Operations in one execution; `None` for any number."""
        ...


@runtime_checkable
class WatchableBackend(DurableBackend, Protocol):
    """A backend in this process that tells of changes, so that nobody has to poll it."""

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change`, from any thread, when an operation of the execution changed outside a checkpoint.

        Returns a function that ends the watch.
        """
        ...
