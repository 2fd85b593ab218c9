"""`Execution`: one execution of an engine, as a program sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from durable_lambda.engine.errors import EngineClosedError, UnknownExecutionError
from durable_lambda.engine.handle import ExecutionHandle
from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.log import history_of, recover
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.outcome import result_of
from durable_lambda.engine.requests import stop_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.engine.thread import EngineThread
from durable_lambda.engine.values import error_of
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus, Operation


class Execution(ExecutionHandle):
    """A handle. It holds nothing of the execution but who it is; every call asks the engine."""

    def __init__(self, thread: EngineThread, row: ExecutionRow) -> None:
        super().__init__(row)
        self._thread = thread

    @property
    def status(self) -> ExecutionStatus:
        """RUNNING, PAUSING, PAUSED, SUCCEEDED, FAILED, TIMED_OUT or STOPPED."""
        return self._thread.wait(self._thread.ask(self._read_status, durably=True))

    async def astatus(self) -> ExecutionStatus:
        """`status`, to be awaited."""
        return await asyncio.wrap_future(self._thread.ask(self._read_status, durably=True))

    def wait(self, timeout: float | None = None) -> ExecutionStatus:
        """Wait until it has ended, and tell how.

        Raises `ExecutionPausedError` as `result` does; `TimeoutError` after `timeout` seconds.
        """
        return self._ended(timeout).status

    async def await_(self, timeout: float | None = None) -> ExecutionStatus:
        """`wait`, to be awaited."""
        return (await self._aended(timeout)).status

    def result(self, timeout: float | None = None) -> Any:
        """Its result, decoded from JSON, when it has ended.

        Raises `ExecutionFailedError`, `ExecutionTimedOutError` or `ExecutionStoppedError` if it ended so, with what was
        recorded; `ExecutionPausedError` while its code does not fit its history: it goes on when the code is mended (if
        somebody has paused it, this waits); `TimeoutError` after `timeout` seconds; `EngineClosedError` if the engine
        is closed before.
        """
        return result_of(self.name, self._ended(timeout))

    async def aresult(self, timeout: float | None = None) -> Any:
        """`result`, to be awaited."""
        return result_of(self.name, await self._aended(timeout))

    async def aend(self) -> ExecutionEnded:
        """The record of its end, when it has ended, however long it is paused before.

        Raises `EngineClosedError` if the engine is closed before.
        """
        return await asyncio.wrap_future(self.end(is_patient=True))

    def history(self) -> Sequence[Event]:
        """Its events so far, the oldest first."""
        return self._thread.wait(self._thread.ask(self._read_history))

    async def ahistory(self) -> Sequence[Event]:
        """`history`, to be awaited."""
        return await asyncio.wrap_future(self._thread.ask(self._read_history))

    def operations(self) -> Sequence[Operation]:
        """Its operations as they stand, in the order in which they started, the EXECUTION first."""
        return self._thread.wait(self._thread.ask(self._read_operations, durably=True))

    async def aoperations(self) -> Sequence[Operation]:
        """`operations`, to be awaited."""
        return await asyncio.wrap_future(self._thread.ask(self._read_operations, durably=True))

    def stop(self, error: BaseException | str | ErrorObject | None = None) -> None:
        """End it as STOPPED, for the reason given. Nothing is interrupted: what runs cannot checkpoint any more.

        Does nothing if it has ended.
        """
        self._thread.wait(self._stop(error))

    async def astop(self, error: BaseException | str | ErrorObject | None = None) -> None:
        """`stop`, to be awaited."""
        await asyncio.wrap_future(self._stop(error))

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` now, and whenever something of it was stored, its end included.

        Returns a function that ends that. `on_change` is called on the engine's thread: it must not block, nor call
        this object. Set an event, and read elsewhere.
        """

        def subscribe(host: Host) -> None:
            hosted = host.live.get(self.id)
            on_change()
            if hosted is not None:
                hosted.subscribers.append(on_change)

        def unsubscribe(host: Host) -> None:
            hosted = host.live.get(self.id)
            if hosted is not None and on_change in hosted.subscribers:
                hosted.subscribers.remove(on_change)

        def unwatch() -> None:
            with suppress(EngineClosedError):
                self._thread.wait(self._thread.ask(unsubscribe))

        self._thread.wait(self._thread.ask(subscribe))
        return unwatch

    def _ended(self, timeout: float | None) -> ExecutionEnded:
        try:
            return self._thread.wait(self.end(), timeout)
        except TimeoutError:
            raise self._not_yet(timeout) from None

    async def _aended(self, timeout: float | None) -> ExecutionEnded:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.end()), timeout)
        except TimeoutError:
            raise self._not_yet(timeout) from None

    def _not_yet(self, timeout: float | None) -> TimeoutError:
        return TimeoutError(
            f"execution {self.name!r} of {self.function!r} has not ended within {timeout} s; it goes on: call again to "
            "wait for longer, look at its operations() for what it is at, or stop() it"
        )

    def end(self, *, is_patient: bool = False) -> Future[ExecutionEnded]:
        """The record of its end, as a future: of `result` and `aresult`, or one that also outlasts every pause."""
        end: Future[ExecutionEnded] = Future()
        self._thread.expect(end)

        def subscribe(host: Host) -> None:
            hosted = host.live.get(self.id)
            if hosted is not None:
                host.waiters.add(hosted, end, is_patient=is_patient)
                return
            record = self._read_end(host)
            if end.set_running_or_notify_cancel():
                end.set_result(record)

        self._thread.ask(subscribe).add_done_callback(lambda asked: _pass_on(asked, end))
        return end

    def _stop(self, error: BaseException | str | ErrorObject | None) -> Future[int]:
        reason = None if error is None else error_of(error)
        return self._thread.ask(lambda host: stop_execution(host, self.id, reason), durably=True)

    def _read_end(self, host: Host) -> ExecutionEnded:
        end = host.store.end(self._row.key)
        if end is None:
            raise UnknownExecutionError(f"execution {self.name!r} was removed, or is lost to this engine")
        return end

    def _read_status(self, host: Host) -> ExecutionStatus:
        hosted = host.live.get(self.id)
        return hosted.state.status if hosted is not None else self._read_end(host).status

    def _read_history(self, host: Host) -> Sequence[Event]:
        return history_of(host.store.log(self._row.key))

    def _read_operations(self, host: Host) -> Sequence[Operation]:
        hosted = host.live.get(self.id)
        state = hosted.state if hosted is not None else recover(host.store.log(self._row.key), host.entropy)
        return list(state.operations.values())


def _pass_on(asked: Future[None], end: Future[ExecutionEnded]) -> None:
    """What went wrong with the subscription goes to who waits for the end."""
    error = None if asked.cancelled() else asked.exception()
    if error is not None and not end.done() and end.set_running_or_notify_cancel():
        end.set_exception(error)
