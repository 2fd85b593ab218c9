"""The scope of a `def` context: its code runs on a thread, and its operations block.

The same operations as in an `async def` handler, by the same modules. What is recorded is returned without leaving the
thread. A step's body runs in the thread that calls it: its call is an `InThread`, which is driven there and goes to the
loop only to store. All other operations execute on the loop, and the thread waits for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from durable_lambda.arguments import is_async
from durable_lambda.errors import Suspended, ValidationError
from durable_lambda.loop import CURRENT
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import decode_operation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.bridge import CodeThread, Hop, HostThread, Meeting, carried, drive
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.host import HostedLoop
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import FOREIGN, IN_BODY, Scope, was_cancelled
from durable_lambda.runtime.strand import CodeStrand

T = TypeVar("T")


class InThread(Call[T]):
    """A call whose `execute` is driven in the thread of the code that makes it.

    To be mixed into a `Call` that reaches the loop by the methods below alone.
    """

    __slots__ = ()

    scope: SyncScope

    def watch(self, recorded: wire.Operation | None) -> None:
        if recorded is None:  # else it is watched since it was claimed, and may have news already
            super().watch(recorded)

    def enter(self) -> None:
        """The thread is busy as it is."""

    def leave(self) -> None:
        """The thread remains busy."""

    def announce(self, update: OperationUpdate) -> None:
        scope = self.scope
        scope.check_counts()
        scope.thread.hold(update)

    async def store(self, update: OperationUpdate) -> None:
        scope = self.scope
        scope.check_counts()
        await Hop(lambda _: scope.checkpointer.submit(update, of_thread=True))

    async def conclude(self, update: OperationUpdate, *, at_once: bool = False) -> None:
        scope = self.scope
        if scope.batches and not at_once:
            scope.check_counts()
            scope.thread.hold(update, is_outcome=True)
        else:
            await self.store(update)

    def record_cancellation(self, update: OperationUpdate) -> None:
        if not self.scope.is_ended:
            self.scope.thread.post(self.scope.checkpointer.send, update)

    async def change(self, suspended: Suspended, due: wire.Timestamp | None = None) -> wire.Operation:
        scope = self.scope
        news = super().change

        def begin(meeting: Meeting[wire.Operation]) -> asyncio.Future[wire.Operation]:
            meeting.operation = self.operation
            return scope.invocation.spawn(news(suspended, due), scope.home)

        return await Hop(begin)


class SyncScope(Scope):
    """What the operations of one blocking context share."""

    __slots__ = ("thread",)

    thread: CodeThread
    """Who runs the context's code."""

    async def call(self, fn: Callable[..., T], args: tuple[Any, ...]) -> T:
        code = partial(fn, *args, self.make_context(self))
        if self.server is not None:
            self.thread = self.server.thread
            return await self.server.run(code)
        loop = self.invocation.loop
        if isinstance(loop, HostedLoop) and self.lifeline is None:  # no branch, but the handler's own
            self.thread = HostThread(self.invocation, loop.host)
        else:
            self.thread = CodeThread(self.invocation)
        return await self.thread.run(code)

    def check_code(self, fn: object, verb: str) -> None:
        super().check_code(fn, verb)
        if callable(fn) and is_async(fn):
            shown = getattr(fn, "__qualname__", fn)
            raise ValidationError(
                f"{verb}() of a `def` handler takes a `def`, not the `async def` {shown}: the "
                "context that it gets blocks; make the handler an `async def`, or this function a `def`"
            )

    # In the context's thread

    def announce(self, update: OperationUpdate) -> None:
        self.check_counts()
        self.thread.hold(update)

    def run(self, call: Call[T]) -> T:
        """Do an operation: replay it, or set it to work and wait.

        Raises:
            ValidationError: The code that calls it is not this context's own, or its arguments cannot be right.
            NonDeterministicExecutionError: The history has another operation at this place.
            Suspended: Nothing that this code does counts any more.
        """
        strand = self._own_strand() or self.strand(call.label, call.name)
        call.id = strand.take()
        raw = self.journal.recorded.get(call.id)
        recorded: wire.Operation | None = None
        if raw is not None:
            recorded = decode_operation(raw)
            self.check_same(call, recorded, strand)
            if recorded.is_terminal:  # the loop has no news of it any more
                replayed = self._replay(call, recorded)
                if replayed is not None:
                    self.journal.claim(call.id)
                    return replayed.result()
        call.prepare()
        if recorded is None:
            self.admit(call)
        if isinstance(call, InThread):
            return self._run_here(call, recorded)
        return self.thread.wait(partial(self._begin, call, strand))

    def read_here(self, call: Call[T]) -> T:
        """As `read`, and wait for it."""
        strand: object = CURRENT.get()
        scope = strand.scope if isinstance(strand, CodeStrand) else None
        if not isinstance(strand, CodeStrand) or not isinstance(scope, SyncScope):
            raise self._misplaced(call.label, strand, call.name)
        scope.strand(call.label, call.name)
        known = self._known(call)
        if known is not None:
            return known.result()
        return scope.thread.wait(partial(self._begin_to_read, call, strand))

    def flush(self) -> None:
        """Store what is queued, and wait for it."""
        self.strand("flush()")
        invocation = self.invocation
        self.thread.wait(lambda _: invocation.spawn(invocation.checkpointer.flush_all(), self.home))

    def strand(self, what: str, name: str | None = None) -> CodeStrand:
        own = self._own_strand()
        if own is not None:
            return own
        strand = CURRENT.get()
        is_own = type(strand) is CodeStrand and strand.scope is self
        if is_own and self.is_ended and not self.is_over and threading.get_ident() == self.thread.ident:
            self.thread.refuse(what)
        raise self._misplaced(what, strand, name)

    def _own_strand(self) -> CodeStrand | None:
        """The strand of the running code, when it is this context's own and counts."""
        strand = CURRENT.get()
        if (
            type(strand) is not CodeStrand
            or strand.scope is not self
            or self.is_over
            or threading.get_ident() != self.thread.ident
            or self.is_ended
        ):
            return None
        return strand

    def _replay(self, call: Call[T], recorded: wire.Operation) -> Operation[T] | None:
        if was_cancelled(recorded):
            replayed: Operation[T] | None = Operation.failed(asyncio.CancelledError(f"{call.label} was cancelled"))
        else:
            replayed = call.replay(recorded)
        if replayed is not None and self.invocation.observer is not None:
            self.invocation.observer.replayed(call, recorded, replayed.error)
        return replayed

    def _run_here(self, call: InThread[T], recorded: wire.Operation | None) -> T:
        call.operation = Operation(label=call.label)
        try:
            if recorded is not None:
                recorded = self.thread.wait(partial(self._claim, call))
            # In a context of its own, as a task is: what a body or a hook sets there ends with the operation.
            return copy_context().run(drive, self._execute(call, recorded), self.thread)
        except asyncio.CancelledError:
            if self.is_ended:
                raise self.thread.farewell() from None
            raise

    def why_misplaced(self, strand: object) -> str:
        if isinstance(strand, CodeStrand) and strand.scope is not self:
            return FOREIGN
        if strand is not None and not isinstance(strand, CodeStrand):
            return IN_BODY
        return (
            "this is not the thread that runs the code of its context: run branches with ctx.parallel() or ctx.map(), "
            "which give each a thread and a context of its own"
        )

    # On the loop, for the thread that waits

    def _claim(self, call: Call[T], _: Meeting[wire.Operation]) -> asyncio.Future[wire.Operation]:
        recorded = decode_operation(self.journal.recorded.pop(call.id))
        self.journal.watch(call.id, recorded)
        claimed = self.invocation.loop.create_future()
        claimed.set_result(recorded)
        return claimed

    def _begin(self, call: Call[T], strand: CodeStrand, meeting: Meeting[T]) -> asyncio.Future[T]:
        raw = self.journal.recorded.pop(call.id, None)
        recorded = decode_operation(raw) if raw is not None else None
        call.server = meeting
        replayed = self._replay(call, recorded) if recorded is not None else None
        return self._awaited(replayed or self._set_to_work(call, self._execute(call, recorded), strand), meeting)

    def _begin_to_read(self, call: Call[T], strand: CodeStrand, meeting: Meeting[T]) -> asyncio.Future[T]:
        return self._awaited(
            self._known(call) or self._set_to_work(call, call.execute(self.journal.state(call.id)), strand), meeting
        )

    def _awaited(self, operation: Operation[T], meeting: Meeting[T]) -> asyncio.Future[T]:
        if operation.task is not None:
            meeting.operation = operation
            return operation.task
        known = self.invocation.loop.create_future()
        try:
            known.set_result(operation.result())
        except Exception as error:
            known.set_exception(carried(error))
        return known
