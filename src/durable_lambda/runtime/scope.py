"""A context from the inside: what its operations need, and the one way in which each of them begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

from durable_lambda.errors import ValidationError
from durable_lambda.failures import CANCELLED
from durable_lambda.loop import CURRENT
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import decode_operation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime import determinism, tracing
from durable_lambda.runtime.lifeline import PATIENCE, Lifeline
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.rehearsal import REHEARSAL
from durable_lambda.runtime.strand import CodeStrand

if TYPE_CHECKING:
    from durable_lambda.runtime.call import Call
    from durable_lambda.runtime.invocation import Invocation

T = TypeVar("T")


class Scope:
    """What one context's operations share: the invocation, the ids, and how to make a child context."""

    __slots__ = (
        "batches",
        "checkpointer",
        "home",
        "invocation",
        "is_over",
        "journal",
        "lifeline",
        "make_context",
        "parent_id",
        "patches",
    )

    def __init__(
        self,
        invocation: Invocation,
        make_context: Callable[[Scope], Any],
        *,
        prefix: str = "",
        parent_id: str | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.invocation = invocation
        self.journal = invocation.journal
        self.checkpointer = invocation.checkpointer
        self.make_context = make_context
        self.parent_id = parent_id
        """The CONTEXT operation that is this scope, or `None` in the root."""
        self.home = CodeStrand(self, prefix)
        """The strand of the context's own task."""
        self.lifeline = lifeline
        """What it hangs on, in a branch."""
        self.patches: dict[str, bool] = {}
        """Which way was taken at each `patched`, by the id of its marker."""
        self.batches = 0
        """Blocks under way in which outcomes are gathered instead of sent one by one."""
        self.is_over = False
        """Whether the function that the context was made for has returned."""

    def child(self, operation_id: str, *, virtual: bool = False) -> Scope:
        """The scope of a child context; a virtual one has no operation, its own are children of this scope's."""
        return Scope(
            self.invocation,
            self.make_context,
            prefix=f"{operation_id}-",
            parent_id=self.parent_id if virtual else operation_id,
            lifeline=self.lifeline,
        )

    @property
    def is_ended(self) -> bool:
        """Whether nothing that happens here counts any more: the invocation has ended, or this branch was cut off."""
        return self.invocation.is_closing or (self.lifeline is not None and self.lifeline.is_cut)

    def announce(self, update: OperationUpdate) -> None:
        """Send an update with the next one, or a moment later. Raises `CancelledError` when nothing counts any more."""
        self.check_counts()
        self.checkpointer.send_lazily(update)

    async def store(self, update: OperationUpdate) -> None:
        """Send an update, and wait until it is stored, also when that is cancelled meanwhile.

        Raises `CancelledError` then, and when nothing counts any more.
        """
        self.check_counts()
        await self.checkpointer.submit(update)

    def check_counts(self) -> None:
        """Raises `CancelledError` when nothing that happens here counts any more."""
        if self.is_ended:
            raise asyncio.CancelledError("the outcome is not stored: nothing waits for it any more")

    @property
    def is_replaying(self) -> bool:
        """Whether the running code has recorded operations ahead of it."""
        strand = CURRENT.get()
        mine = strand if isinstance(strand, CodeStrand) and strand.scope is self else self.home
        return mine.ahead() is not None

    def strand(self, what: str) -> CodeStrand:
        """The strand of the running code. Raises `ValidationError` when it is not this context's own."""
        strand = CURRENT.get()
        if type(strand) is not CodeStrand or strand.scope is not self or self.is_over:
            raise self._misplaced(what, strand)
        return strand

    def draw(self, what: str) -> bytes:
        """Bytes that belong to this place in this execution: the same on every replay, and nowhere else."""
        strand = self.strand(f"{what}()")
        strand.draws += 1
        return blake2b(f"{self.invocation.arn}/{strand.prefix}{what}-{strand.draws}".encode()).digest()

    def start(self, call: Call[T]) -> Operation[T]:
        """Identify an operation, and replay it or set it to work.

        Raises:
            ValidationError: The code that calls it is not this context's own.
            NonDeterministicExecutionError: The history has another operation at this place.
        """
        if self.is_ended and not self._is_foreign():
            # First: refused code that goes on regardless must get something that yields.
            return self._refuse(call)
        strand = CURRENT.get()
        if (
            type(strand) is not CodeStrand
            or strand.scope is not self
            or self.is_over
            or asyncio._get_running_loop() is not self.invocation.loop  # pyright: ignore[reportPrivateUsage]  # the public one raises
        ):
            raise self._misplaced(call.label, strand, call.name)
        call.id = strand.take()
        return self.begin(call, strand)

    def begin(self, call: Call[T], strand: CodeStrand) -> Operation[T]:
        """Replay an operation that has its id, or set it to work.

        Raises:
            ValidationError: Its arguments cannot be right.
            NonDeterministicExecutionError: The history has another operation at this place.
        """
        raw = self.journal.recorded.pop(call.id, None)
        recorded: wire.Operation | None = None
        if raw is not None:
            recorded = decode_operation(raw)
            if (
                recorded.type != call.type
                or recorded.name != call.name
                or recorded.sub_type != call.sub_type
                or recorded.parent_id != self.parent_id
            ):
                raise determinism.mismatch(strand, call, recorded)
            if was_cancelled(recorded):
                return self._set_to_work(call, recorded, strand)
            replayed = call.replay(recorded)
            if replayed is not None:
                if tracing.is_enabled():
                    tracing.record_replay(call, recorded)
                return replayed
        call.prepare()
        return self._set_to_work(call, recorded, strand)

    def read(self, call: Call[T]) -> Operation[T]:
        """Give what another operation of this invocation has come to; no id, nothing recorded."""
        if self.is_ended and not self._is_foreign():
            return self._refuse(call)
        strand = CURRENT.get()
        if type(strand) is not CodeStrand or strand.group is not self.invocation:
            raise self._misplaced(call.label, strand, call.name)
        state = self.journal.state(call.id)
        known = call.replay(state) if state is not None else None
        if known is not None:
            return known
        return self._set_to_work(call, state, strand)

    def _is_foreign(self) -> bool:
        """Whether code of another invocation is running."""
        strand = CURRENT.get()
        return strand is not None and strand.group is not self.invocation

    def _refuse(self, call: Call[T]) -> Operation[T]:
        if self.invocation.is_closing:
            return Operation.refused(call.label, "its invocation is ending", park=self.invocation.is_abandoned)
        assert self.lifeline is not None
        self.lifeline.refusals += 1
        park = self.lifeline.refusals > PATIENCE
        return Operation.refused(call.label, "its batch was decided without this branch", park=park)

    def _set_to_work(self, call: Call[T], state: wire.Operation | None, strand: CodeStrand) -> Operation[T]:
        operation: Operation[T] = Operation(label=call.label)
        call.operation = operation
        operation.run_by(self.invocation.spawn(self._execute(call, state), strand, operation))
        return operation

    async def _execute(self, call: Call[T], recorded: wire.Operation | None) -> T:
        if recorded is not None and was_cancelled(recorded):
            await self.invocation.cancel_again()
        rehearsal = REHEARSAL.get()
        if rehearsal is not None:
            return await rehearsal.execute(call, recorded)
        if not tracing.is_enabled():
            return await call.execute(recorded)
        with tracing.span(call, recorded):
            return await call.execute(recorded)

    def finish(self, raised: Exception | None = None) -> None:
        """The context's function has returned, or raised; the history must not have more for it.

        Raises:
            NonDeterministicExecutionError: The history has an operation that the code did not call.
        """
        if self.journal.recorded and not self.is_ended:
            uncalled = self.home.uncalled()
            if uncalled is not None:
                raise determinism.missing(self, uncalled, raised) from raised
        self.is_over = True

    def _misplaced(self, what: str, strand: object, name: str | None = None) -> ValidationError:
        if self.is_over:
            why = "its context's function has returned: a context is used by the function that it was given to"
        elif strand is None or asyncio._get_running_loop() is not self.invocation.loop:  # pyright: ignore[reportPrivateUsage]
            why = "no durable function is running here: call operations from the handler's own tasks, not from a thread"
        elif not isinstance(strand, CodeStrand):
            why = (
                "a step's body cannot call durable operations: return from the step first, or group operations with "
                "ctx.run_in_child_context(name, fn), whose function gets a context of its own"
            )
        else:
            why = "this context belongs to other code: use the ctx that this function was given"
        return ValidationError(f"{what} cannot be called here: {why}", operation_name=name)


def was_cancelled(recorded: wire.Operation) -> bool:
    """Whether the history has the operation as cancelled by the function."""
    if recorded.status == "FAILED":
        details = recorded.step_details or recorded.context_details
        return details is not None and details.error is not None and details.error.error_type == CANCELLED
    return recorded.status == "CANCELLED" and recorded.type == "WAIT"
