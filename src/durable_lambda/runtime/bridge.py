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
import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from durable_lambda.errors import Suspended
from durable_lambda.loop import count_elsewhere
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime import threads

if TYPE_CHECKING:
    from durable_lambda.runtime.host import Host
    from durable_lambda.runtime.invocation import Invocation
    from durable_lambda.runtime.operation import Operation

T = TypeVar("T")

OVER: Final = object()
"""What tells a thread that its meeting is over."""


class CodeThread:
    """A thread that runs the code of a context, and of the child contexts in it, as the loop sees it."""

    __slots__ = ("_is_busy", "_meetings", "ident", "invocation", "is_interrupted", "is_waiting", "refusals")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.ident = 0
        self.is_interrupted = False
        """Whether nothing that it does counts any more."""
        self.is_waiting = False
        """Whether it waits for the loop at this moment."""
        self.refusals = 0
        """Operations that it called all the same."""
        self._is_busy = False
        self._meetings: list[Meeting[Any]] = []
        """What it waits for, the innermost last: one below another where the loop had it run code meanwhile."""

    # On the loop

    async def run(self, code: Callable[[], T]) -> T:
        """Run the code of a context on a thread of its own.

        Raises whatever it raises. When this is cancelled the thread is told; it is waited for if it can hear that.
        """
        places = self.invocation.places
        await places.take()
        errand = _Errand(self.invocation, code, self._ended)
        self.set_busy(True)
        try:
            self._start(partial(copy_context().run, partial(self._work, errand)))
        except BaseException:
            self._ended()
            raise
        try:
            return await errand.outcome()
        except asyncio.CancelledError:
            if self.interrupt():
                await errand.end()
            raise

    def _start(self, work: Callable[[], object]) -> None:
        threads.run(work)

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
        count_elsewhere(self.invocation.loop, 1 if busy else -1)
        if busy:
            self.invocation.enter()
        else:
            self.invocation.leave()

    def interrupt(self) -> bool:
        """Nothing that it does counts any more: `Suspended` is raised in it where it waits, now and from now on.

        Returns whether it waits now.
        """
        self.set_busy(False)
        self.is_interrupted = True
        for meeting in tuple(self._meetings):
            meeting.break_off()
        return self.is_waiting

    # In the thread

    def _work(self, errand: _Errand[Any]) -> None:
        self.ident = threading.get_ident()
        errand.work()

    def hold(self, update: OperationUpdate) -> None:
        """Have an update sent with the next one, or a moment later. Raises `Suspended` as `post` does."""
        try:
            self.invocation.checkpointer.hold(update)
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
            self.is_waiting = True
            message = meeting.inbox.get()
            self.is_waiting = False
            if message is OVER:
                return
            message()

    def farewell(self) -> Suspended:
        """What is raised in code that does not count any more."""
        return self.invocation.farewell()


class HostThread(CodeThread):
    """The thread that runs the loop itself: it need not be woken, and wakes nobody."""

    __slots__ = ("_host",)

    def __init__(self, invocation: Invocation, host: Host) -> None:
        super().__init__(invocation)
        self._host = host
        host.has_code = True
        host.patience = invocation.checkpointer.patience

    def _start(self, work: Callable[[], object]) -> None:
        self._host.hand_over(work)

    def _ended(self) -> None:
        self._host.has_code = False
        super()._ended()

    def send(self, inbox: SimpleQueue[Any], message: object) -> None:
        inbox.put(message)
        self._host.stop()

    def meet(self, meeting: Meeting[Any]) -> None:
        host = self._host
        host.take_turn()
        try:
            meeting.start()
            while True:
                self.is_waiting = True
                while meeting.inbox.empty():
                    host.loop.run_forever()
                self.is_waiting = False
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

    __slots__ = ("_begin", "_future", "_is_over", "inbox", "operation", "thread")

    def __init__(self, thread: CodeThread, begin: Callable[[Meeting[T]], asyncio.Future[T]]) -> None:
        self.thread = thread
        self.operation: Operation[Any] | None = None
        """What is awaited, if only the service may be able to move it: the invocation is not busy with the thread."""
        self._begin = begin
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
            future.set_exception(error)
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

    def break_off(self) -> None:
        """On the loop: let the thread go on at once, with `Suspended`."""
        self._finish()
        if self._future is not None:
            self._future.cancel()

    async def run(self, code: Callable[[], T]) -> T:
        """On the loop: have the thread run some code while it waits here. Raises whatever it raises."""
        if self._is_over:
            raise asyncio.CancelledError
        errand = _Errand(self.thread.invocation, code, partial(self.thread.set_busy, False))
        self.thread.set_busy(True)
        self.thread.send(self.inbox, partial(copy_context().run, errand.work))
        return await errand.outcome()


class _Errand(Generic[T]):
    """Code that a thread runs for a task of the loop."""

    __slots__ = ("_code", "_ended", "_error", "_finished", "_invocation", "_value")

    def __init__(self, invocation: Invocation, code: Callable[[], T], ended: Callable[[], None]) -> None:
        self._invocation = invocation
        self._code = code
        self._ended = ended
        self._finished: asyncio.Future[None] = invocation.loop.create_future()
        self._value: T
        self._error: BaseException | None = None

    def work(self) -> None:
        """In the thread: run it, and tell the loop."""
        try:
            self._value = self._code()
        except StopIteration as error:  # no future can carry it; a coroutine turns it into the same
            self._error = RuntimeError("the code raised StopIteration")
            self._error.__cause__ = error
        except BaseException as error:
            self._error = error
        try:
            self._invocation.loop.call_soon_threadsafe(self._finish)
        except RuntimeError:
            return  # the loop is closed: nobody waits for it any more

    def _finish(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)
        self._ended()  # after that, so that who waits is ready when the thread is not busy any more

    async def outcome(self) -> T:
        """On the loop: what it returned or raised."""
        await self._finished
        if self._error is not None:
            raise self._error
        return self._value

    async def end(self) -> None:
        """On the loop, after `outcome` was cancelled: wait until it has ended, whatever came of it."""
        self._finished = self._invocation.loop.create_future()
        await self._finished


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
