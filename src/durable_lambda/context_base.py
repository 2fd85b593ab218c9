"""What every context has whose answer is there at once, whether its operations are awaited or block."""

from __future__ import annotations

from datetime import timedelta
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING
from uuid import UUID

from durable_lambda.operations import deterministic
from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.runtime.logging import ReplaySafeLogger
from durable_lambda.runtime.scope import Scope

if TYPE_CHECKING:
    from random import Random


class ContextBase:
    """What `DurableContext` and `SyncDurableContext` have in common."""

    __slots__ = ("_logger", "_scope")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._logger: ReplaySafeLogger | None = None

    # The same on every replay

    def uuid(self) -> UUID:
        """A random-looking id, the same on every replay of this place in this execution. Not a secret."""
        return deterministic.uuid(self._scope)

    def random(self) -> Random:
        """A generator of numbers, seeded by this place in this execution. Not for secrets."""
        return deterministic.random(self._scope)

    def patched(self, name: str) -> bool:
        """Whether to take the changed way, in code that changed while executions are in flight.

        `True` for an execution that comes here for the first time, and for the rest of its life; `False` for one that
        had passed this place before the change. Moves no other operation.

        Args:
            name: Of the change; one for each change in a context.

        Example:
            if ctx.patched("insure-parcels"):
                await ctx.step("insure", insure, parcel)
        """
        return deterministic.patched(self._scope, name)

    # What is known of the execution

    @property
    def logger(self) -> LoggerAdapter[Logger]:
        """A logger that is silent while the function runs over what it has done before."""
        if self._logger is None:
            self._logger = ReplaySafeLogger(self._scope)
        return self._logger

    @property
    def is_replaying(self) -> bool:
        """Whether recorded operations are still ahead. Do not branch on it: it is for logging and metrics."""
        return self._scope.is_replaying

    @property
    def execution_arn(self) -> str:
        """The ARN of the durable execution."""
        return self._scope.invocation.arn

    @property
    def execution_name(self) -> str:
        """The name of the execution: the one it was started with, or the one it was given."""
        return self._scope.invocation.arn.rsplit("/", 2)[-2]

    @property
    def parent_id(self) -> str | None:
        """The id of the CONTEXT operation that this context is, `None` in the handler's own."""
        return self._scope.parent_id

    @property
    def remaining_time(self) -> timedelta | None:
        """What this invocation has left until it is cut off; `None` where nobody says."""
        context = self._scope.invocation.lambda_context
        return None if context is None else timedelta(milliseconds=context.get_remaining_time_in_millis())

    @property
    def lambda_context(self) -> LambdaContext | None:
        """Lambda's own context object."""
        return self._scope.invocation.lambda_context
