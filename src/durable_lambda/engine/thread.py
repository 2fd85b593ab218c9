"""The thread that an engine lives on: its loop, how work is handed to it, and how it begins and ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from durable_lambda.engine.clock import Clock
from durable_lambda.engine.errors import EngineClosedError
from durable_lambda.engine.host import Host
from durable_lambda.engine.inbox import Inbox
from durable_lambda.engine.invoker import GRACE_SECONDS
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.store import Store
from durable_lambda.errors import ValidationError
from durable_lambda.loop import InvocationLoop

T = TypeVar("T")


class EngineThread:
    """Begins on the first use. A daemon: a program that ends without `close` loses nothing that was acknowledged."""

    def __init__(
        self, path: str, clock: Clock, limits: Limits, *, strict_qualifiers: bool = False, any_account: bool = False
    ) -> None:
        self._path = path
        self._clock = clock
        self._limits = limits
        self._strict_qualifiers = strict_qualifiers
        self._any_account = any_account
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._host: Host | None = None
        self._stop = asyncio.Event()
        self._is_closed = False
        self._outstanding: set[Future[Any]] = set()

    def open(self) -> Host:
        """Begin, if it has not. Raises what the store raises, and `EngineClosedError`."""
        host = self._host
        if host is not None and not self._is_closed:
            return host
        with self._lock:
            if self._is_closed:
                raise EngineClosedError("the engine is closed; open a new one on the same file")
            if self._host is None:
                opened: Future[Host] = Future()
                self._thread = threading.Thread(
                    target=self._main, args=(opened,), name=f"durable-lambda engine {self._path}", daemon=True
                )
                self._thread.start()
                self._host = opened.result()
            return self._host

    def close(self) -> None:
        """End; waits until everything acknowledged is stored and the thread has ended."""
        with self._lock:
            self._is_closed = True
            thread, host = self._thread, self._host
        if thread is None or host is None:
            return
        self._refuse_own_thread("close the engine that runs it")
        if thread.is_alive():
            host.loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def ask(self, action: Callable[[Host], T], *, durably: bool = False) -> Future[T]:
        """Run `action` on the loop. `durably`: the answer comes when what it changed is stored."""
        host = self.open()
        future: Future[T] = Future()
        self._outstanding.add(future)

        def settle(result: T) -> None:
            self._outstanding.discard(future)
            if future.set_running_or_notify_cancel():
                future.set_result(result)

        def fail(error: BaseException) -> None:
            self._outstanding.discard(future)
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

        def run() -> None:
            try:
                result = action(host)
            except BaseException as error:
                fail(error)
                return
            if durably:
                host.commit.then(lambda error: settle(result) if error is None else fail(error))
            else:
                settle(result)

        try:
            host.loop.call_soon_threadsafe(run, context=host.context)
        except RuntimeError:
            self._outstanding.discard(future)
            raise EngineClosedError("the engine is closed; open a new one on the same file") from None
        return future

    def perform(self, action: Callable[[Host], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine on the loop, in the engine's own context. Cancelling the future cancels it."""
        host = self.open()
        future: Future[T] = Future()
        self.expect(future)

        def begin() -> None:
            task = host.loop.create_task(action(host), context=host.context.copy())
            task.add_done_callback(lambda task: _settle(task, future), context=host.context)
            future.add_done_callback(lambda _: _call_soon(host.loop, task.cancel) if future.cancelled() else None)

        try:
            host.loop.call_soon_threadsafe(begin, context=host.context)
        except RuntimeError:
            self._outstanding.discard(future)
            raise EngineClosedError("the engine is closed; open a new one on the same file") from None
        return future

    def expect(self, future: Future[T]) -> None:
        """Tell the future if the engine is closed before it is done."""
        self._outstanding.add(future)
        future.add_done_callback(self._outstanding.discard)

    def wait(self, future: Future[T], timeout: float | None = None) -> T:
        """Its result, for a caller that may block. Raises `TimeoutError` after `timeout` seconds."""
        if threading.current_thread() is self._thread:
            future.cancel()
            self._refuse_own_thread("wait for the engine that runs it; await the method's async twin (astart, aresult)")
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()  # nobody waits any more
            raise

    def _refuse_own_thread(self, what: str) -> None:
        if threading.current_thread() is self._thread:
            raise ValidationError(f"a durable function cannot {what}")

    def _main(self, opened: Future[Host]) -> None:
        # Not an `asyncio.Runner`: it would wait for ever for a task that ignores its cancellation.
        loop = InvocationLoop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve(opened))
            _end_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            self._settle_outstanding()
            loop.close()

    async def _serve(self, opened: Future[Host]) -> None:
        try:
            store = Store(self._path)
        except BaseException as error:
            opened.set_exception(error)
            return
        try:
            loop = asyncio.get_running_loop()
            host = Host(
                store,
                self._clock,
                self._limits,
                loop,
                strict_qualifiers=self._strict_qualifiers,
                any_account=self._any_account,
            )
            self._clock.attach(lambda: _call_if_open(loop, host))
            host.recover()
            inbox = Inbox(host) if store.is_shared else None
        except BaseException as error:
            store.close()
            opened.set_exception(error)
            return
        opened.set_result(host)
        await self._stop.wait()
        if inbox is not None:
            inbox.close()
        await host.close()
        store.close()

    def _settle_outstanding(self) -> None:
        """Whoever waits is told that nothing will come, however the thread ends."""
        for future in tuple(self._outstanding):
            if future.set_running_or_notify_cancel():
                future.set_exception(EngineClosedError("the engine was closed; its executions go on later"))


def _settle(task: asyncio.Task[T], future: Future[T]) -> None:
    if task.cancelled():
        return  # with the future, or with the engine, which tells who waits
    error = task.exception()
    if not future.set_running_or_notify_cancel():
        return
    if error is None:
        future.set_result(task.result())
    else:
        future.set_exception(error)


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


def _end_tasks(loop: InvocationLoop) -> None:
    """Cancel what functions have left behind."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE_SECONDS))


def _call_if_open(loop: asyncio.AbstractEventLoop, host: Host) -> None:
    """Let an engine look at a clock that was set, from any thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(host.timers.look, context=host.context)
