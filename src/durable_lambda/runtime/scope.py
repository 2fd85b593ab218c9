"""A context from the inside: what its operations need, and the one way in which each of them begins."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from durable_lambda.arguments import check_callable
from durable_lambda.errors import ValidationError
from durable_lambda.failures import CANCELLED
from durable_lambda.loop import CURRENT
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import decode_operation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime import determinism
from durable_lambda.runtime.lifeline import PATIENCE, Lifeline
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.rehearsal import REHEARSAL
from durable_lambda.runtime.strand import CodeStrand

if TYPE_CHECKING:
    from durable_lambda.runtime.bridge import Meeting
    from durable_lambda.runtime.call import Call
    from durable_lambda.runtime.invocation import Invocation

T = TypeVar("T")


_OVER: Final = "its context's function has returned: a context is used by the function that it was given to"

FOREIGN: Final = "this context belongs to other code: use the ctx that this function was given"

IN_BODY: Final = (
    "a step's body cannot call durable operations: return from the step first, or group operations with "
    "ctx.run_in_child_context(name, fn), whose function gets a context of its own"
)


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
        "server",
    )

    def __init__(
        self,
        invocation: Invocation,
        make_context: Callable[[Scope], Any],
        *,
        prefix: str = "",
        parent_id: str | None = None,
        lifeline: Lifeline | None = None,
        server: Meeting[Any] | None = None,
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
        self.server = server
        """Where the thread waits that runs this context's code, in a child of a `def` context."""
        self.patches: dict[str, bool] = {}
        """Which way was taken at each `patched`, by the id of its marker."""
        self.batches = 0
        """Blocks under way in which outcomes are gathered instead of sent one by one."""
        self.is_over = False
        """Whether the function that the context was made for has returned."""

    def child(self, operation_id: str, *, virtual: bool = False, server: Meeting[Any] | None = None) -> Self:
        """The scope of a child context; a virtual one has no operation, its own are children of this scope's."""
        return type(self)(
            self.invocation,
            self.make_context,
            prefix=f"{operation_id}-",
            parent_id=self.parent_id if virtual else operation_id,
            lifeline=self.lifeline,
            server=server,
        )

    def branch(self, lifeline: Lifeline) -> Self:
        """The scope of the call that is a branch: its own updates hang on its lifeline too."""
        return type(self)(self.invocation, self.make_context, parent_id=self.parent_id, lifeline=lifeline)

    async def call(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run the code of this context: `fn(*args, context)`, where a coroutine that it returns is awaited."""
        result = fn(*args, self.make_context(self))
        return await result if inspect.isawaitable(result) else result

    def check_code(self, fn: object, verb: str) -> None:
        """Raises `ValidationError` for what cannot be the code of a context that this one makes."""
        check_callable(fn, verb)

    @property
    def is_ended(self) -> bool:
        """Whether nothing that happens here counts any more: the invocation has ended, or this branch was cut off."""
        return self.invocation.is_closing or (self.lifeline is not None and self.lifeline.is_cut)

    def does_count(self) -> bool:
        """The opposite of `is_ended`, to be asked later."""
        return not self.is_ended

    def announce(self, update: OperationUpdate) -> None:
        """Send an update that is no call's with the next one, or a moment later."""
        self.check_counts()
        self.checkpointer.send_lazily(update)

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

    def strand(self, what: str, name: str | None = None) -> CodeStrand:
        """The strand of the running code. Raises `ValidationError` when it is not this context's own."""
        strand = CURRENT.get()
        if type(strand) is not CodeStrand or strand.scope is not self or self.is_over:
            raise self._misplaced(what, strand, name)
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
            self.check_same(call, recorded, strand)
            if was_cancelled(recorded):
                return self._set_to_work(call, self._execute(call, recorded), strand)
            replayed = call.replay(recorded)
            if replayed is not None:
                if self.invocation.observer is not None:
                    self.invocation.observer.replayed(call, recorded, replayed.error)
                return replayed
        call.prepare()
        if recorded is None:
            self.admit(call)
        return self._set_to_work(call, self._execute(call, recorded), strand)

    def admit(self, call: Call[Any]) -> None:
        """Count an operation that begins. Raises `ValidationError` when the execution may not have so many."""
        self.invocation.quota.admit(call.label, call.new_operations, name=call.name, operation_id=call.id)

    def check_same(self, call: Call[Any], recorded: wire.Operation, strand: CodeStrand) -> None:
        """Raises `NonDeterministicExecutionError` when the history has another operation at this place."""
        if (
            recorded.type != call.type
            or recorded.name != call.name
            or recorded.sub_type != call.sub_type
            or recorded.parent_id != self.parent_id
        ):
            raise determinism.mismatch(strand, call, recorded)

    def read(self, call: Call[T]) -> Operation[T]:
        """Give what another operation of this invocation has come to; no id, nothing recorded."""
        if self.is_ended and not self._is_foreign():
            return self._refuse(call)
        strand = CURRENT.get()
        if type(strand) is not CodeStrand or strand.group is not self.invocation:
            raise self._misplaced(call.label, strand, call.name)
        return self._known(call) or self._set_to_work(call, call.execute(self.journal.state(call.id)), strand)

    def _known(self, call: Call[T]) -> Operation[T] | None:
        """What an operation of this invocation has come to, if it is over."""
        state = self.journal.state(call.id)
        return call.replay(state) if state is not None else None

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

    def _set_to_work(self, call: Call[T], execution: Coroutine[Any, Any, T], strand: CodeStrand) -> Operation[T]:
        operation: Operation[T] = Operation(label=call.label)
        call.operation = operation
        operation.run_by(self.invocation.spawn(execution, strand, operation), self.does_count)
        return operation

    async def _execute(self, call: Call[T], recorded: wire.Operation | None) -> T:
        observer = self.invocation.observer
        is_replayed = recorded is not None and was_cancelled(recorded)
        if observer is None:
            return await self._move(call, recorded, is_replayed)
        with observer.operation(call, recorded, is_replayed=is_replayed):
            return await self._move(call, recorded, is_replayed)

    async def _move(self, call: Call[T], recorded: wire.Operation | None, was_cancelled: bool) -> T:
        if was_cancelled:
            await self.invocation.cancel_again()
        rehearsal = REHEARSAL.get()
        return await (call.execute(recorded) if rehearsal is None else rehearsal.execute(call, recorded))

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
        why = _OVER if self.is_over else self.why_misplaced(strand)
        return ValidationError(f"{what} cannot be called here: {why}", operation_name=name)

    def why_misplaced(self, strand: object) -> str:
        """Why code of that strand, in this thread, cannot call operations of this context, and what to do instead."""
        if strand is None or asyncio._get_running_loop() is not self.invocation.loop:  # pyright: ignore[reportPrivateUsage]
            return (
                "no durable function is running here: call operations from the handler's own tasks, not from a thread"
            )
        return FOREIGN if isinstance(strand, CodeStrand) else IN_BODY


def was_cancelled(recorded: wire.Operation) -> bool:
    """Whether the history has the operation as cancelled by the function."""
    if recorded.status == "FAILED":
        details = recorded.step_details or recorded.context_details
        return details is not None and details.error is not None and details.error.error_type == CANCELLED
    return recorded.status == "CANCELLED" and recorded.type == "WAIT"
