"""Where a test may stand in for the world: the bodies that run, and the moment when an operation is done.

Nothing is rehearsed in production: the variable has no value there, and everything below is a look at it. A test runner
sets it for the invocations that it makes, and for no other.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from durable_lambda.protocol import operations as wire

if TYPE_CHECKING:
    from durable_lambda.runtime.call import Call

T = TypeVar("T")


class Rehearsal(Protocol):
    """What a test does to the invocations that it makes."""

    def body(self, call: Call[Any], fn: Callable[..., Any]) -> Callable[..., Any]:
        """What is run instead of a body. It has to be an `async def` where that is one, and none where it is not."""
        ...

    def noticed_key(self, operation_id: str) -> None:
        """The body of a step has asked for its idempotency key."""
        ...

    async def execute(self, call: Call[T], recorded: wire.Operation | None) -> T:
        """Carry out an operation, by `call.execute`."""
        ...


REHEARSAL: ContextVar[Rehearsal | None] = ContextVar("durable_lambda_rehearsal", default=None)


def body_of(call: Call[Any], fn: Callable[..., Any]) -> Callable[..., Any]:
    """The body that a call runs: its own, or what a test has put in its place."""
    rehearsal = REHEARSAL.get()
    return fn if rehearsal is None else rehearsal.body(call, fn)
