"""One invocation: from the first line of the handler until it returned, failed, suspended or was broken off.

Those endings race, and the first one wins: whatever user code does afterwards, swallowed errors and returned values
included, is discarded. An invocation is suspended at the moment when nothing of it is ready to run (the loop counts),
no body or checkpoint is under way (`enter` and `leave`), and somebody awaits an operation that only the service can
move.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from durable_lambda.errors import BackendError, DurableError, Suspended, ValidationError
from durable_lambda.failures import place_of
from durable_lambda.loop import CURRENT, Strand
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.hosting import InvocationInterrupted, LambdaContext
from durable_lambda.protocol.limits import MAX_OPERATIONS
from durable_lambda.rebuilding import ExceptionClasses
from durable_lambda.runtime.checkpointer import Checkpointer
from durable_lambda.runtime.journal import Journal
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.poller import Poller
from durable_lambda.runtime.quota import OperationQuota
from durable_lambda.runtime.threads import MOST_PLACES, Places
from durable_lambda.values import Codec

if TYPE_CHECKING:
    from durable_lambda.runtime.observer import Observer

T = TypeVar("T")

UNWIND_SECONDS: Final = 1.0
"""What `finally` blocks have before an invocation that ends leaves them behind."""
UNWIND_TURNS: Final = 50
"""Turns of the loop that they have at least: where thousands of invocations end together, one takes a second."""

_TOO_MANY_THREADS: Final = (
    "no more branches of a `def` handler can run at the same time, and each that does waits for another one "
    f"(at most {MOST_PLACES} threads an invocation, or as many as the system gives): give "
    "parallel() and map() a max_concurrency, or make the handler an `async def`, whose branches need no threads"
)

_left_behind: set[asyncio.Task[Any]] = set()
"""Tasks that would not end. Kept: to collect one is to run its code once more."""

_log = logging.getLogger("durable_lambda")


class Ending(msgspec.Struct, frozen=True):
    """How an invocation ended, with the value or the error that belongs to it.

    `failed` ends the execution whatever its code does; `broken` ends only the invocation, which is made again.
    """

    kind: Literal["returned", "raised", "suspended", "failed", "broken"]
    value: Any = None
    error: BaseException | None = None


class Blocked(msgspec.Struct, frozen=True):
    """Why an operation cannot go on in this process."""

    due: float | None
    """When the service will move it, in epoch seconds, if that is known."""
    suspended: Suspended


class Invocation:
    """The tasks of one invocation, and what they share. It is the `Group` of its strands."""

    def __init__(
        self,
        arn: str,
        token: str,
        journal: Journal,
        backend: DurableBackend,
        *,
        lambda_context: LambdaContext | None,
        classes: ExceptionClasses,
        start_delay: float,
        codec: Codec[str] | None = None,
    ) -> None:
        self.arn = arn
        self.journal = journal
        self.lambda_context = lambda_context
        self.classes = classes
        self.codec = codec
        """Of the handler: what is stored of every result is put through it."""
        self.loop = asyncio.get_running_loop()
        self.checkpointer = Checkpointer(self, backend, token, start_delay)
        limit = getattr(backend, "operation_limit", MAX_OPERATIONS)
        self.quota = OperationQuota(limit, len(journal.history) - 1)  # the execution itself does not count
        self.ready = 0
        self.tasks: dict[asyncio.Task[Any], Operation[Any] | None] = {}
        """Tasks that run, with the operation that each executes; `None` for those of the function's own."""
        self.blocked: dict[Operation[Any], Blocked] = {}
        """Operations that only the service can move."""
        self.places = Places()
        """For the threads that run code."""
        self.observer: Observer | None = None
        """Who is told what happens; `None` when there are no hooks."""
        self.is_closing = False
        self.is_abandoned = False
        self._doomed: deque[asyncio.Future[None]] = deque()
        """What operations wait on that the function cancelled the first time."""
        self._main: asyncio.Task[Any] | None = None
        self._busy = 0
        self.busy_threads = 0
        """Threads that run code, or wait for an update of theirs to be stored."""
        self._plain = Context()  # callbacks in it are not counted
        self._ending: Ending | None = None
        self._ended = self.loop.create_future()
        self._watch: Callable[[str, Callable[[], None]], Callable[[], None]] | None = getattr(backend, "watch", None)
        self._poller = Poller(self) if self._watch is None else None

    # Activity

    def enter(self) -> None:
        """A body, a check or a checkpoint begins: until it ends the invocation is not suspended."""
        self._busy += 1

    def leave(self) -> None:
        """What `enter` announced has ended."""
        self._busy -= 1
        if not self.ready:
            self.settled()

    def settled(self) -> None:
        """Nothing is ready to run: suspend, if the service is all that can change that."""
        if self._ending is not None or (self._main is not None and self._main.done()):
            return
        if not self._busy and self.places.widen():
            return
        if not self.blocked and not self._doomed:
            if not self._busy and self.places.are_short:
                self.fail(ValidationError(_TOO_MANY_THREADS))
            return
        if self._busy:
            if self._poller is not None:
                self._poller.arm()
            return
        if self._doomed:
            self._doomed.popleft().cancel()
            return
        waiting = next((blocked for operation, blocked in self.blocked.items() if operation.awaiters), None)
        if waiting is not None and not self.checkpointer.flush():
            self._end(Ending("suspended", error=waiting.suspended))

    def interrupted(self, error: BaseException) -> None:
        """User code asked the process to end."""
        where = place_of(error)
        interruption = InvocationInterrupted(
            f"{error!r}{f' raised at {where}' if where else ''}: code that ends the process ends the invocation without"
            " an answer, and it is made again; to fail the step, or the execution, raise an Exception",
            type(error).__name__,
        )
        interruption.__cause__ = error
        self._end(Ending("broken", error=interruption))

    def block(self, operation: Operation[Any], blocked: Blocked) -> None:
        """An operation is left to the service."""
        self.blocked[operation] = blocked
        if self._poller is not None:
            self._poller.consider(blocked)

    async def cancel_again(self) -> None:
        """Wait to be cancelled, as it was before; if nobody does, be cancelled when nothing else can happen."""
        future = self.loop.create_future()
        self._doomed.append(future)
        try:
            await future
        finally:
            if future in self._doomed:
                self._doomed.remove(future)

    # Tasks

    def spawn(
        self, coro: Coroutine[Any, Any, T], strand: Strand, operation: Operation[T] | None = None
    ) -> asyncio.Task[T]:
        """Run a coroutine of this invocation at the place that a strand is."""
        context = copy_context()
        context.run(CURRENT.set, strand)
        task = asyncio.Task(coro, loop=self.loop, context=context)
        self.adopt(task, operation)
        return task

    def adopt(self, task: asyncio.Task[Any], operation: Operation[Any] | None = None) -> None:
        """A task that belongs to this invocation, and ends with it."""
        self.tasks[task] = operation
        task.add_done_callback(self._forget, context=self._plain)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)

    # Endings

    def fail(self, error: DurableError, cause: BaseException | None = None) -> None:
        """End the execution with an error, whatever its code does with it. May be called in any thread."""
        if cause is not None:
            error.__cause__ = cause
        ending = Ending("failed", error=error)
        if asyncio._get_running_loop() is self.loop:  # pyright: ignore[reportPrivateUsage]  # the public one raises
            self._end(ending)
        else:
            self.is_closing = True  # at once: the code that is told must not begin anything more
            self.loop.call_soon_threadsafe(self._end, ending, context=self._plain)

    def break_off(self, error: Exception, cause: BaseException | None = None) -> None:
        """End this invocation with an error of its own; the service makes another one."""
        if cause is not None:
            error.__cause__ = cause
        self._end(Ending("broken", error=error))

    def revoke(self) -> None:
        """The service lets this invocation go no further; what it sent is stored."""
        self._end(Ending("suspended", error=Suspended("the service gave no further checkpoint token", code="REVOKED")))

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self.is_closing = True
            if ending.kind in ("failed", "broken"):
                self.checkpointer.abort()
            if not self._ended.done():
                self._ended.set_result(None)

    def farewell(self) -> Suspended:
        """What is raised in a thread whose code does not count any more."""
        if not self.is_closing:
            return Suspended("its batch was decided without this branch", code="ENDING")
        reason = self._ending.error if self._ending is not None else None
        if not isinstance(reason, Suspended):
            return Suspended("the invocation has ended", code="ENDING")
        return Suspended(
            str(reason), code=reason.code, operation_name=reason.operation_name, operation_id=reason.operation_id
        )

    @property
    def ending(self) -> Ending | None:
        """How it ended, once it has."""
        return self._ending

    @property
    def goes_on(self) -> bool:
        """Whether it is ending, and what it leaves undone is for another invocation."""
        return self.is_closing and (self._ending is None or self._ending.kind in ("suspended", "broken"))

    async def run(self, code: Coroutine[Any, Any, Any], strand: Strand) -> Ending:
        """Run the handler's code to its ending, and leave nothing of it behind."""
        unwatch = None if self._watch is None else self._watch(self.arn, self._poll_from_any_thread)
        try:
            self._main = self.spawn(code, strand)
            self._main.add_done_callback(self._main_done, context=self._plain)
            try:
                await self._ended
            except asyncio.CancelledError:  # the host ends the invocation
                self.is_closing = True
                self.checkpointer.abort()
                if self.checkpointer.sender is not None:
                    self.adopt(self.checkpointer.sender)
                raise
            finally:
                await self._unwind()
            await self.checkpointer.close()
        finally:
            if unwatch is not None:
                unwatch()
            if self._poller is not None:
                self._poller.stop()
        assert self._ending is not None
        error = self.checkpointer.error
        if error is not None and self._ending.kind in ("returned", "raised"):
            # The function ended while a call was on its way that failed: what it did is not stored.
            return Ending("broken" if isinstance(error, BackendError) else "failed", error=error)
        return self._ending

    def let_go(self) -> None:
        """The answer is given. An invocation is a cycle, which the garbage collector breaks when it pleases; what the
        function stored, returned and had in its variables need not wait for that. Code that goes on keeps it all.
        """
        if self.is_abandoned or self.busy_threads or self._ending is None:
            return
        self._main = None
        self._ending = Ending(self._ending.kind)
        self.journal.forget()

    def _main_done(self, main: asyncio.Task[Any]) -> None:
        if main.cancelled():
            self._end(Ending("raised", error=asyncio.CancelledError()))
        elif (error := main.exception()) is not None:
            self._end(Ending("raised", error=error))
        else:
            self._warn_of_unawaited()
            self._end(Ending("returned", value=main.result()))

    def _warn_of_unawaited(self) -> None:
        left = [operation.label for task, operation in self.tasks.items() if operation and not task.done()]
        if left:
            _log.warning("cancelled, since the function returned before they were done: %s", ", ".join(left))

    def _poll_from_any_thread(self) -> None:
        self.loop.call_soon_threadsafe(self.checkpointer.poll_again, context=self._plain)

    async def _unwind(self) -> None:
        """Cancel every task, and give their `finally` blocks a second."""
        message = "the invocation has ended"
        if self._ending is not None and self._ending.kind == "suspended":
            message = str(self._ending.error)
        deadline = self.loop.time() + UNWIND_SECONDS
        while self.tasks:
            for task in tuple(self.tasks):
                task.cancel(message)
            await asyncio.wait(tuple(self.tasks), timeout=max(0.0, deadline - self.loop.time()))
            if self.loop.time() >= deadline:
                break
        for _ in range(UNWIND_TURNS):
            if not self.tasks:
                return
            await asyncio.sleep(0)
        self.is_abandoned = True
        _log.error("%d tasks of %s did not end when they were cancelled and are left behind", len(self.tasks), self.arn)
        _left_behind.update(self.tasks)
        for task in tuple(self.tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # said above, and nobody will await it
            task.cancel(message)
