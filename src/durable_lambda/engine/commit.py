"""Group commit: whatever happens in one round of the loop is stored in one transaction, and answered after it.

The commit runs on the loop's own thread: a lone one is done without a hop to another. When it fails, the states that
are ahead of the disk are given back to be reloaded, and everybody who waited gets the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import TypeAlias

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.machine.batch import Change, refuse
from durable_lambda.engine.machine.log import encode_entry
from durable_lambda.engine.machine.pause import PauseRecord
from durable_lambda.engine.machine.queued import QueuedEvent
from durable_lambda.engine.machine.records import ExecutionEnded, Record
from durable_lambda.engine.machine.state import Invocation
from durable_lambda.engine.store import ExecutionStore, Writes

Waiter: TypeAlias = Callable[[StoreError | None], None]


class GroupCommit:
    """Args:
    on_stored: called with each execution that had changes, when they are stored.
    on_failed: called with each that had, and with its invocation as it was before, when they could not be.
    on_ended: called with each execution that a change has ended, before that is stored.
    on_idle: called when nothing waits to be stored any more.
    """

    def __init__(
        self,
        store: ExecutionStore,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        *,
        on_stored: Callable[[Hosted], None],
        on_failed: Callable[[Hosted, Invocation | None], None],
        on_ended: Callable[[Hosted], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._store = store
        self._loop = loop
        self._context = context
        self._on_stored = on_stored
        self._on_failed = on_failed
        self._on_ended = on_ended
        self._on_idle = on_idle
        self._writes = Writes()
        self._before: dict[Hosted, Invocation | None] = {}
        """What is changed, and its invocations as they were before."""
        self._waiters: list[Waiter] = []
        self._is_scheduled = False
        self.transactions = 0
        """Stored so far."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be stored."""
        return not self._is_scheduled

    def change(self, hosted: Hosted, changes: list[Change]) -> None:
        """Apply changes, and store them at the end of this round.

        Raises `InvalidParameterValueException` for text that is no Unicode, and then nothing is changed.
        """
        self._enter(hosted, [record for record, _ in changes])
        hosted.state.apply(changes)
        if not hosted.state.is_running:
            self._on_ended(hosted)

    def start(self, hosted: Hosted) -> None:
        """Store a new execution at the end of this round. Raises as `change` does."""
        self._enter(hosted, [hosted.state.started])
        self._writes.executions.append(hosted.row)

    def _enter(self, hosted: Hosted, records: Sequence[Record]) -> None:
        try:
            entry = encode_entry(records)
        except UnicodeEncodeError as error:
            raise refuse(f"a text is not valid Unicode: {error}") from None
        self._writes.entries.append((hosted.row.key, entry))
        for record in records:
            if isinstance(record, PauseRecord):
                self._writes.statuses.append((record.status, hosted.row.key))
        last = records[-1]
        if isinstance(last, ExecutionEnded):
            self._writes.ends.append((last.status, last.at, hosted.row.key))
        if not hosted.is_dirty:
            hosted.is_dirty = True
            invocation = hosted.state.invocation
            self._before[hosted] = None if invocation is None else invocation.copy()
        self._schedule()

    def respond(self, request: int, response: bytes) -> None:
        """Store the answer to a request from the inbox, together with what it changed."""
        self._writes.responses.append((response, request))
        self._schedule()

    def keep_event(self, event: QueuedEvent) -> None:
        """Store an event that waits for an attempt, the first one or the next, at the end of this round."""
        self._writes.events.append(event)
        self._schedule()

    def forget_event(self, event_id: str) -> None:
        """Remove an event at the end of this round."""
        self._writes.forgotten_events.append((event_id,))
        self._schedule()

    def then(self, waiter: Waiter) -> None:
        """Call when what has been changed so far is stored, with `None`, or could not be, with the error."""
        self._waiters.append(waiter)
        self._schedule()

    def wait(self) -> asyncio.Future[None]:
        """A future for the same. It is the caller's own, so that its cancellation concerns nobody else."""
        future: asyncio.Future[None] = self._loop.create_future()

        def settle(error: StoreError | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self.then(settle)
        return future

    def flush(self) -> None:
        """Store now."""
        self._is_scheduled = False
        writes, self._writes = self._writes, Writes()
        before, self._before = self._before, {}
        waiters, self._waiters = self._waiters, []
        failure: StoreError | None = None
        if not writes.is_empty:
            try:
                self._store.write(writes)
                self.transactions += 1
            except StoreError as error:
                failure = error
        for hosted, invocation in before.items():
            hosted.is_dirty = False
            if failure is not None:
                self._on_failed(hosted, invocation)
        for waiter in waiters:
            waiter(_own(failure))
        if failure is None:
            for hosted in before:
                self._on_stored(hosted)
        if not self._is_scheduled:
            self._on_idle()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            # In the engine's own context: in the caller's, the loop would count it as work of an invocation.
            self._loop.call_soon(self.flush, context=self._context)


def _own(failure: StoreError | None) -> StoreError | None:
    """The failure for one waiter: each raises it in a thread and with a traceback of its own."""
    if failure is None:
        return None
    own = StoreError(str(failure))
    own.__cause__ = failure
    return own
