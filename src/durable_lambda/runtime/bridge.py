"""Where the loop and a thread with code of a `def` handler meet.

The loop owns everything: the checkpoints, the journal's news, when an invocation is suspended. A thread only runs code.
When that calls an operation whose outcome is recorded, it gets it without the loop. For any other the thread *meets*
the loop: it says what is to begin, and waits until that is done; meanwhile the loop may have it run code, that of a
child context or a step's body, so that all the code of a context runs on one thread.

An invocation is busy with a thread unless the thread waits for an operation. `Suspended` is raised in a thread where a
task would be cancelled.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from durable_lambda.errors import BackendError, Suspended
from durable_lambda.loop import count_elsewhere, working_elsewhere
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime import threads
from durable_lambda.runtime.errand import Errand, carried
from durable_lambda.runtime.eviction import Eviction, confined

if TYPE_CHECKING:
    from durable_lambda.runtime.host import Host
    from durable_lambda.runtime.invocation import Invocation
    from durable_lambda.runtime.operation import Operation

T = TypeVar("T")

OVER: Final = object()
"""What tells a thread that its meeting is over."""

PATIENCE: Final = 10
"""Refused operations, after which code that ignores every refusal is made to end."""


class CodeThread:
    """A thread that runs the code of a context, and of the child contexts in it, as the loop sees it."""

    __slots__ = ("_eviction", "_hears", "_is_busy", "_meetings", "ident", "invocation", "is_interrupted", "refusals")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.ident = 0
        self.is_interrupted = False
        """Whether nothing that it does counts any more."""
        self._hears = False
        """Whether it waited when it was interrupted, and ran no code meanwhile: only then it is waited for."""
        self.refusals = 0
        """Operations that it called all the same."""
        self._is_busy = False
        self._meetings: list[Meeting[Any]] = []
        """What it waits for, the innermost last: one below another where the loop had it run code meanwhile."""
        self._eviction: Eviction | None = None

    # On the loop

    async def run(self, code: Callable[[], T]) -> T:
        """Run the code of a context on a thread of its own.

        Raises whatever it raises. When this is cancelled the thread is told; it is waited for if it can hear that.
        """
        errand = Errand(self.invocation, partial(self._begin, code), self._ended)
        work = partial(copy_context().run, partial(self._work, errand))
        while True:
            await self.invocation.places.take()
            self.set_busy(True)
            try:
                self._start(work, errand)
                break
            except RuntimeError as error:  # the system gives no thread
                self._ended()
                if not self.invocation.places.end_growth():
                    self.invocation.break_off(BackendError(f"no thread to run the code of a `def` on: {error}"), error)
        try:
            return await errand.outcome()
        except asyncio.CancelledError:
            self.interrupt()
            await self.unwound(errand)
            raise

    async def unwound(self, errand: Errand[Any]) -> None:
        """After an interruption: wait until the code has ended, if it could hear of that."""
        if self._hears:
            with working_elsewhere(self.invocation.loop):
                await errand.end()

    def _start(self, work: Callable[[], object], errand: Errand[Any]) -> None:
        threads.run(work, errand.tell)

    def send(self, inbox: SimpleQueue[Any], message: object) -> None:
        """Let the thread go on, which waits at this inbox."""
        inbox.put(message)

    def _ended(self) -> None:
        self.set_busy(False)
        self.invocation.places.free()

    def set_busy(self, busy: bool) -> None:
        """Let the invocation know whether this thread does something."""
        if busy is self._is_busy or self.is_interrupted:
            return
        self._is_busy = busy
        change = 1 if busy else -1
        self.invocation.busy_threads += change
        count_elsewhere(self.invocation.loop, change)
        if busy:
            self.invocation.enter()
        else:
            self.invocation.leave()

    def interrupt(self) -> None:
        """Nothing that it does counts any more: `Suspended` is raised in it where it waits, now and from now on."""
        self.set_busy(False)
        self.is_interrupted = True
        meetings = tuple(self._meetings)
        self._hears = bool(meetings) and not meetings[-1].runs_code
        for meeting in meetings:
            meeting.break_off()

    # In the thread

    def _begin(self, code: Callable[[], T]) -> T:
        if self.is_interrupted or self.invocation.is_closing:  # before there was a thread
            raise self.farewell()
        return code()

    def _work(self, errand: Errand[Any]) -> None:
        self.ident = threading.get_ident()
        confined(errand.run)
        if self._eviction is not None:
            self._eviction.over()

    def hold(self, update: OperationUpdate, *, is_outcome: bool = False) -> None:
        """Have an update sent with the next one, or a moment later; or begin to send it, where nothing is to wait.

        Raises `Suspended` as `post` does.
        """
        checkpointer = self.invocation.checkpointer
        if checkpointer.is_prompt and not is_outcome:
            self.wait(lambda _: checkpointer.send_promptly(update))
            return
        try:
            checkpointer.hold(update, is_outcome=is_outcome)
        except RuntimeError:
            raise self.farewell() from None

    def post(self, callback: Callable[..., object], *args: Any) -> None:
        """Have the loop do something soon. Raises `Suspended` when there is no loop any more."""
        try:
            self.invocation.loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            raise self.farewell() from None

    def wait(self, begin: Callable[[Meeting[T]], asyncio.Future[T]]) -> T:
        """Wait for what the loop begins; see `Meeting`. Returns its result, or raises its error."""
        meeting = Meeting(self, begin)
        self._meetings.append(meeting)
        try:
            if self.is_interrupted:  # asked after the meeting could be broken off
                raise self.farewell()
            self.meet(meeting)
        finally:
            self._meetings.pop()
        return meeting.result()

    def meet(self, meeting: Meeting[Any]) -> None:
        """Wait until a meeting is over, and run what the loop sends meanwhile."""
        self.post(meeting.start)
        while True:
            message = meeting.inbox.get()
            if message is OVER:
                return
            message()

    def farewell(self) -> Suspended:
        """What is raised in code that does not count any more."""
        return self.invocation.farewell()

    def refuse(self, what: str) -> NoReturn:
        """Raises `Suspended`, for an operation that is called when its code does not count any more.

        Code that catches it again and again is evicted.
        """
        self.refusals += 1
        farewell = self.farewell()
        refusal = Suspended(
            f"{what} was called when its code does not count any more ({farewell}): nothing durable can be done in "
            "`finally` or after a caught Suspended; let it pass",
            code="ENDING",
        )
        if self.refusals == PATIENCE:
            self._eviction = Eviction(refusal, self._work.__code__)
        raise refusal


class HostThread(CodeThread):
    """The thread that runs the loop itself: it need not be woken, and wakes nobody."""

    __slots__ = ("_host",)

    def __init__(self, invocation: Invocation, host: Host) -> None:
        super().__init__(invocation)
        self._host = host
        host.patience = invocation.checkpointer.patience

    def _start(self, work: Callable[[], object], errand: Errand[Any]) -> None:
        self._host.hand_over(work, errand.finish)

    def send(self, inbox: SimpleQueue[Any], message: object) -> None:
        inbox.put(message)
        self._host.stop()

    def meet(self, meeting: Meeting[Any]) -> None:
        if sys.exception() is not None:
            # What is raised on the loop would hang on what this thread is handling, and be recorded so.
            self._host.lend_turn()
            super().meet(meeting)
            return
        if asyncio._get_running_loop() is not None:  # pyright: ignore[reportPrivateUsage]  # the public one raises
            super().meet(meeting)  # code that runs a loop of its own: only the keeper can run ours
            return
        host = self._host
        host.take_turn()
        try:
            meeting.start()
            while True:
                while meeting.inbox.empty():
                    host.run_loop()
                message = meeting.inbox.get()
                if message is OVER:
                    return
                host.run_code(message)
        finally:
            host.give_turn()


class Meeting(Generic[T]):
    """One time that a thread waits for the loop.

    Args:
        thread: Who waits.
        begin: Called on the loop, with the contextvars of the thread; gives the future that is waited for, and may
            set the `operation`.
    """

    __slots__ = ("_begin", "_errand", "_future", "_is_over", "inbox", "operation", "thread")

    def __init__(self, thread: CodeThread, begin: Callable[[Meeting[T]], asyncio.Future[T]]) -> None:
        self.thread = thread
        self.operation: Operation[Any] | None = None
        """What is awaited, if only the service may be able to move it: the invocation is not busy with the thread."""
        self._begin = begin
        self._errand: Errand[Any] | None = None
        self._future: asyncio.Future[T] | None = None
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        """What the thread is to run, and at last `OVER`."""
        self._is_over = False

    def result(self) -> T:
        """In the thread, when it is over: the result, or the error that it raises."""
        future = self._future
        if future is None or not future.done() or future.cancelled():
            if self.thread.is_interrupted or self.thread.invocation.is_closing:
                raise self.thread.farewell()
            raise asyncio.CancelledError
        return future.result()

    def start(self) -> None:
        """On the loop: begin."""
        if self._is_over:
            return
        try:
            future = self._begin(self)
        except Exception as error:
            future = self.thread.invocation.loop.create_future()
            future.set_exception(carried(error))
        self._future = future
        if self.operation is not None:
            self.operation.awaiters += 1
        future.add_done_callback(self._finish)
        if self.operation is not None:
            self.thread.set_busy(False)

    def _finish(self, _: object = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self.operation is not None and self._future is not None:
            self.thread.set_busy(True)
            self.operation.awaiters -= 1
        self.thread.send(self.inbox, OVER)

    @property
    def runs_code(self) -> bool:
        """Whether the thread runs code for the loop, and will come back here only then."""
        return self._errand is not None and not self._errand.is_over

    def break_off(self) -> None:
        """On the loop: let the thread go on at once, with `Suspended`."""
        self._finish()
        if self._future is not None:
            self._future.cancel()

    async def run(self, code: Callable[[], T]) -> T:
        """On the loop: have the thread run some code while it waits here. Raises whatever it raises."""
        if self._is_over:
            raise asyncio.CancelledError
        errand = self._errand = Errand(self.thread.invocation, code, partial(self.thread.set_busy, False))
        self.thread.set_busy(True)
        self.thread.send(self.inbox, partial(copy_context().run, errand.work))
        try:
            return await errand.outcome()
        except asyncio.CancelledError:
            await self.thread.unwound(errand)  # what is inside ends before what is around it
            raise


class Hop(Generic[T]):
    """What a coroutine awaits that is driven in a thread: a future of the loop; see `Meeting`."""

    __slots__ = ("begin",)

    def __init__(self, begin: Callable[[Meeting[T]], asyncio.Future[T]]) -> None:
        self.begin = begin

    def __await__(self) -> Generator[Hop[T], T, T]:
        return (yield self)


def drive(coro: Coroutine[Any, Any, T], thread: CodeThread) -> T:
    """Run a coroutine in the calling thread; each `Hop` that it awaits is a meeting with the loop."""
    try:
        hop: Hop[Any] = coro.send(None)
        while True:
            try:
                value = thread.wait(hop.begin)
            except BaseException as error:
                hop = coro.throw(error)
            else:
                hop = coro.send(value)
    except StopIteration as returned:
        return returned.value
