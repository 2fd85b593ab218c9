"""One call of an operation, whichever it is.

Each operation answers the same two questions: what does the journal say (`replay`: pure and synchronous), and what must
be done to move it (`execute`). A module of `operations/` is a subclass of `Call` with these two; `Scope.start` does the
rest for all of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from durable_lambda.errors import Suspended
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import epoch_seconds
from durable_lambda.protocol.updates import OperationAction, OperationUpdate
from durable_lambda.runtime.invocation import Blocked
from durable_lambda.runtime.operation import Operation

if TYPE_CHECKING:
    from durable_lambda.runtime.bridge import Meeting
    from durable_lambda.runtime.scope import Scope

T = TypeVar("T")


class Call(Generic[T]):
    """A call of an operation: its arguments, and what they make of the journal."""

    __slots__ = ("id", "name", "operation", "scope", "server")

    operation: Operation[T]
    """What the call returned, once it is set to work."""

    type: ClassVar[wire.OperationType]
    sub_type: ClassVar[str]
    verb: ClassVar[str]
    """The method of the context, as messages name the operation."""
    kind: ClassVar[str]
    """What spans and suspensions call it."""

    def __init__(self, scope: Scope, name: str | None) -> None:
        self.scope = scope
        self.name = name
        self.id = ""
        self.server: Meeting[Any] | None = None
        """Where the thread waits that made the call, in a `def` context."""

    @property
    def label(self) -> str:
        """The operation as messages name it."""
        return f"{self.verb} {self.name!r}" if self.name is not None else f"unnamed {self.verb}"

    @property
    def new_operations(self) -> int:
        """How many operations it surely is: itself, unless it leaves no record, and what is known to begin in it."""
        return 1

    def prepare(self) -> None:
        """Check the arguments, when there is something left to do with them. Raises `ValidationError`."""

    def replay(self, recorded: wire.Operation) -> Operation[T] | None:
        """The outcome that the journal has, or `None` when there is something left to do."""
        raise NotImplementedError

    async def execute(self, recorded: wire.Operation | None) -> T:
        """Do what is left to do, from the recorded state or from nothing."""
        raise NotImplementedError

    def update(self, action: OperationAction, **fields: Any) -> OperationUpdate:
        """An update of this operation."""
        return OperationUpdate(self.id, self.type, action, self.scope.parent_id, self.name, self.sub_type, **fields)

    def watch(self, recorded: wire.Operation | None) -> None:
        """Take the news of this operation from now on, after the state that is known."""
        self.scope.journal.watch(self.id, recorded)

    def enter(self) -> None:
        """A body begins: until `leave` the invocation is not suspended."""
        self.scope.invocation.enter()

    def leave(self) -> None:
        """What `enter` announced has ended."""
        self.scope.invocation.leave()

    def announce(self, update: OperationUpdate) -> None:
        """Send an update with the next one, or a moment later. Raises `CancelledError` when nothing counts any more."""
        scope = self.scope
        scope.check_counts()
        scope.checkpointer.send_lazily(update)

    async def store(self, update: OperationUpdate) -> None:
        """Send an update, and wait until it is stored, also when that is cancelled meanwhile.

        Raises `CancelledError` then, and when nothing counts any more.
        """
        scope = self.scope
        scope.check_counts()
        await scope.checkpointer.submit(update)

    async def conclude(self, update: OperationUpdate, *, at_once: bool = False) -> None:
        """Store an outcome. A cancellation comes too late for it: the code gets what the history has, and is cancelled
        where it awaits next.

        Where checkpoints are batched the outcome is only queued, unless it is needed `at_once`.

        Raises `CancelledError` when nothing counts any more.
        """
        scope = self.scope
        scope.check_counts()
        if scope.batches and not at_once:
            scope.checkpointer.gather(update)
            return
        stored = scope.checkpointer.submit(update)
        try:
            await stored
        except asyncio.CancelledError:
            if scope.is_ended or stored.cancelled():
                raise
            self.operation.was_cancelled_late = True

    def record_cancellation(self, update: OperationUpdate) -> None:
        """Tell that the function cancelled this operation, so that a replay sees it again.

        A suspension and an early completion cancel too, and record nothing.
        """
        if not self.scope.is_ended:
            self.scope.checkpointer.send(update)

    def suspended(self, detail: str = "") -> Suspended:
        """What the invocation ends with when nothing but this operation is left to wait for."""
        return Suspended(
            f"{self.kind} suspended for operation {self.name!r}{detail}",
            code=Suspended.codes.get(self.type, "SUSPENDED"),
            operation_name=self.name,
            operation_id=self.id,
        )

    async def change(self, suspended: Suspended, due: wire.Timestamp | None = None) -> wire.Operation:
        """Wait for news of this operation from the service; the invocation may be suspended meanwhile.

        Args:
            suspended: What the suspension says of it, should it come to that.
            due: When the service will move it, if that is known.
        """
        journal = self.scope.journal
        invocation = self.scope.invocation
        invocation.block(self.operation, Blocked(None if due is None else epoch_seconds(due), suspended))
        try:
            await journal.change(self.id)
        finally:
            invocation.blocked.pop(self.operation, None)
        state = journal.state(self.id)
        assert state is not None
        return state
