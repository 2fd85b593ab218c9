"""The one who talks to the service during an invocation, and owns the checkpoint token.

One call is in flight at a time, since each answer brings the token of the next. Updates that arrive meanwhile leave
together in the next call, in order, within the service's limits measured in the bytes that travel. An update may be
*lazy*: a step's START waits a moment for its SUCCEED, so that a fast step is one call and a slow one can be seen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from durable_lambda.errors import BackendError, CheckpointError
from durable_lambda.protocol.backend import CheckpointResponse, DurableBackend
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.limits import MAX_CHECKPOINT_BYTES, MAX_PAGE_SIZE, MAX_UPDATES_PER_CHECKPOINT
from durable_lambda.protocol.operations import RawOperation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.company import Company

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation

START_DELAY: Final = 0.05
"""Seconds that a lazy update waits for company."""

LEAST_PATIENCE: Final = 0.005
"""Seconds that code may run before somebody looks whether a lazy update is due, where that takes a thread."""

_WIDEST_ESCAPE: Final = 6  # JSON writes one character in at most six bytes
_ENVELOPE: Final = 1_024  # the fields of an update other than its payload and error


class Stored(asyncio.Future[None]):
    """Done when an update is stored. It is on its way: who awaits it may be cancelled, but learns of that only then."""

    def __init__(self, invocation: Invocation, *, of_thread: bool) -> None:
        super().__init__(loop=invocation.loop)
        self._invocation = invocation
        self.of_thread = of_thread

    def cancel(self, msg: Any | None = None) -> bool:
        return super().cancel(msg) if self._invocation.is_closing else False


class _Held(NamedTuple):
    """An update of a thread, until the loop queues it."""

    since: float
    update: OperationUpdate
    is_outcome: bool
    """Whether it may wait for others, as `gather` says."""


class Checkpointer:
    """Sends updates and brings back what changed."""

    def __init__(self, invocation: Invocation, backend: DurableBackend, token: str, start_delay: float) -> None:
        self._invocation = invocation
        self._backend = backend
        self._token: str | None = token
        self._start_delay = start_delay
        self._queue: deque[tuple[OperationUpdate, Stored | None]] = deque()
        self._waiting_threads = 0
        """Updates in the queue that a thread waits for."""
        self._held: deque[_Held] = deque()
        """Updates of threads; they go, in their order, before whatever is queued next."""
        self._is_watching = False
        """Whether a timer looks after what is held."""
        self.sender: asyncio.Task[None] | None = None
        """The task of the call that is on its way, if there is one."""
        self._timer: asyncio.TimerHandle | None = None
        self._company = Company(invocation, lambda: len(self._queue) + len(self._held), self.flush)
        self._poll = False
        self._gathered = 0
        self._gathered_size = 0
        self._cancels = 0
        """Updates in the queue that cancel a wait."""
        self.error: BackendError | CheckpointError | None = None
        """Why nothing can be sent any more."""

    @property
    def patience(self) -> float:
        """Seconds that the loop may be left alone before there can be something to send."""
        return max(self._start_delay, LEAST_PATIENCE)

    @property
    def is_prompt(self) -> bool:
        """Whether nothing waits for company."""
        return self._start_delay <= 0

    def submit(self, update: OperationUpdate, *, of_thread: bool = False) -> asyncio.Future[None]:
        """Send an update as soon as may be; the future is done when the service has stored it.

        `of_thread`: whether a thread that runs code waits for it.
        """
        stored = Stored(self._invocation, of_thread=of_thread)
        self._take_held()
        self._queue.append((update, stored))
        self._waiting_threads += of_thread
        if self.sender is None and self._expects_company():
            self._company.wait()
        else:
            self.flush()
        return stored

    def _expects_company(self) -> bool:
        """Whether updates of other threads may go along with those in the queue."""
        return len(self._queue) < MAX_UPDATES_PER_CHECKPOINT and self._company.is_expected(self._waiting_threads)

    def send(self, update: OperationUpdate) -> None:
        """Send an update as soon as may be, and do not wait for it."""
        self._take_held()
        self._queue.append((update, None))
        self._cancels += update.action == "CANCEL"
        self.flush()

    def send_lazily(self, update: OperationUpdate) -> None:
        """Send an update with the next one, or after the start delay."""
        self._take_held()
        self._queue.append((update, None))
        self._flush_before_long()

    def send_promptly(self, update: OperationUpdate) -> asyncio.Future[None]:
        """As `send_lazily`; the future is done when the call has begun, if none was on its way."""
        self.send_lazily(update)
        begun: asyncio.Future[None] = self._invocation.loop.create_future()
        self._invocation.loop.call_soon(lambda: begun.done() or begun.set_result(None))
        return begun

    def _flush_before_long(self) -> None:
        if self.is_prompt:
            self.flush()
        elif self._timer is None and self.sender is None:
            self._timer = self._invocation.loop.call_later(self._start_delay, self.flush)

    def hold(self, update: OperationUpdate, *, is_outcome: bool = False) -> None:
        """As `send_lazily`, or as `gather` for an outcome, in any thread: the loop is not woken for each update, which
        would cost more than a step."""
        loop = self._invocation.loop
        self._held.append(_Held(loop.time(), update, is_outcome))
        if is_outcome and len(self._held) >= MAX_UPDATES_PER_CHECKPOINT // 2:
            loop.call_soon_threadsafe(self._queue_held)
        elif not self._is_watching:
            self._is_watching = True
            loop.call_soon_threadsafe(self._watch_held)

    def _watch_held(self) -> None:
        """Send what was held for the start delay, and look again when the next one will have been."""
        loop = self._invocation.loop
        if self._invocation.is_closing:  # it is of a thread that goes on, and does not count
            self._is_watching = False
            return
        is_due = False
        while self._held and self._held[0].since + self._start_delay <= loop.time():
            is_due = self._take_first_held() or is_due
        if is_due:
            self.flush()
        if not self._held:
            self._is_watching = False
            if not self._held:  # none came between these two lines
                return
            self._is_watching = True
        loop.call_at(self._held[0].since + self._start_delay, self._watch_held)

    def _queue_held(self) -> None:
        if self._take_held():
            self._flush_before_long()

    def _take_held(self) -> bool:
        """Queue what is held. Returns whether any of it wants to be sent before long."""
        is_lazy = False
        while self._held:
            is_lazy = self._take_first_held() or is_lazy
        return is_lazy

    def _take_first_held(self) -> bool:
        """Queue what was held longest. Returns whether it wants to be sent before long."""
        held = self._held.popleft()
        self._queue.append((held.update, None))
        if held.is_outcome:
            self._count_gathered(held.update)
        return not held.is_outcome

    def gather(self, update: OperationUpdate) -> None:
        """Queue an outcome until something has to be stored, or a call is full."""
        self._queue_held()
        self._queue.append((update, None))
        self._count_gathered(update)

    def _count_gathered(self, update: OperationUpdate) -> None:
        self._gathered += 1
        self._gathered_size += _size_bound(update)
        if self._gathered >= MAX_UPDATES_PER_CHECKPOINT // 2 or self._gathered_size > MAX_CHECKPOINT_BYTES:
            self.flush()

    async def flush_all(self) -> None:
        """Send what is queued, and wait until it is stored."""
        self.flush()
        self._invocation.enter()  # the sender leaves before who waits here can go on
        try:
            while self.sender is not None:
                await asyncio.wait([self.sender])
                if self._company.is_awaited:
                    self.flush()
        finally:
            self._invocation.leave()

    def poll(self) -> None:
        """Ask what changed: an empty checkpoint, unless a call is on its way that will tell."""
        if self.sender is None:
            self.poll_again()

    def poll_again(self) -> None:
        """As `poll`, and once more after a call that is on its way: something changed that it may not tell."""
        if self._invocation.is_closing:
            return  # what it would learn nobody would read, and the service would take it as known
        self._poll = True
        self.flush()

    def flush(self) -> bool:
        """Begin to send what is queued. Returns whether there was anything to send."""
        self._stop_timer()
        self._take_held()
        if self.sender is not None:
            return True
        if not (self._queue or self._poll) or self._token is None:
            return False
        self._gathered = self._gathered_size = 0
        self._invocation.enter()
        # In a context of its own: sending is one activity (`enter`, `leave`), not counted callback by callback.
        self.sender = asyncio.Task(self._send_all(), loop=self._invocation.loop, context=Context())
        return True

    async def deliver(self, update: OperationUpdate) -> None:
        """Send the last update of an invocation, and wait until it is stored.

        Raises:
            CheckpointError: The service refused it.
            BackendError: The service could not be reached, or refused the token.
        """
        stored = self.submit(update)
        await self.close()
        if not stored.done():
            raise self.error or BackendError("the service gave no further checkpoint token")

    async def close(self) -> None:
        """Wait until what is gathered or being sent has been stored. Lazy updates that nothing followed are dropped."""
        self._take_held()
        if self._gathered or self._company.is_awaited:
            self.flush()
        self._stop_timer()
        while self.sender is not None:
            await asyncio.wait([self.sender])
            if self._company.is_awaited:
                self.flush()

    def abort(self) -> None:
        """Send nothing any more."""
        self._token = None
        self._held.clear()
        self._queue.clear()
        self._waiting_threads = 0
        self._poll = False
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._company.stop()

    async def _send_all(self) -> None:
        try:
            while (self._queue or self._poll) and self._token is not None:
                self._poll = False
                batch = self._take_batch()
                self._waiting_threads -= sum(stored is not None and stored.of_thread for _, stored in batch)
                try:
                    await self._send(batch)
                except ServiceError as error:
                    if len(batch) != 1 or batch[0][0].action != "CANCEL" or error.status != 400 or error.is_stale_token:
                        raise
                    # The wait was over before it could be cancelled; the token is still good.
                if self._queue and not self._poll and self._expects_company():
                    self._company.wait()
                    break
        except ServiceError as error:
            self._give_up(classified(error, "a checkpoint"), error)
        except Exception as error:
            self._give_up(BackendError(f"the checkpoint could not be sent: {type(error).__name__}: {error}"), error)
        finally:
            self.sender = None
            self._invocation.leave()

    async def _send(self, batch: list[tuple[OperationUpdate, Stored | None]]) -> None:
        assert self._token is not None
        invocation = self._invocation
        response = await self._backend.checkpoint(invocation.arn, self._token, [update for update, _ in batch])
        self._token = response.checkpoint_token
        await self._take_in(response)
        if self._token is None and not any(update.type == "EXECUTION" for update, _ in batch):
            # The updates are stored, but this invocation may not go on: a pause, or a quota that ended the execution.
            self.abort()
            invocation.revoke()
            return
        for _, stored in batch:
            if stored is not None and not stored.done():
                stored.set_result(None)

    async def _take_in(self, response: CheckpointResponse) -> None:
        state = response.new_execution_state
        self._merge(state.operations)
        while state.next_marker and self._token is not None:
            state = await self._backend.get_execution_state(
                self._invocation.arn, self._token, state.next_marker, MAX_PAGE_SIZE
            )
            self._merge(state.operations)

    def _merge(self, operations: list[RawOperation]) -> None:
        self._invocation.journal.merge(operations)
        if self._invocation.observer is not None:
            self._invocation.observer.changed(operations)

    def _give_up(self, error: BackendError | CheckpointError, cause: Exception) -> None:
        self.abort()
        self.error = error
        if isinstance(error, BackendError):
            self._invocation.break_off(error, cause)
        else:
            self._invocation.fail(error, cause)

    def _take_until_cancel(self) -> list[tuple[OperationUpdate, Stored | None]]:
        """A cancellation goes alone: it may come too late, and that must not concern any other update."""
        batch = [self._queue.popleft()]
        if batch[0][0].action == "CANCEL":
            self._cancels -= 1
            return batch
        size = _size_bound(batch[0][0])
        while self._queue[0][0].action != "CANCEL" and len(batch) < MAX_UPDATES_PER_CHECKPOINT:
            size += _size_bound(self._queue[0][0])
            if size > MAX_CHECKPOINT_BYTES:
                break
            batch.append(self._queue.popleft())
        return batch

    def _take_batch(self) -> list[tuple[OperationUpdate, Stored | None]]:
        queue = self._queue
        if self._cancels:
            return self._take_until_cancel()
        if len(queue) <= MAX_UPDATES_PER_CHECKPOINT and sum(_size_bound(u) for u, _ in queue) <= MAX_CHECKPOINT_BYTES:
            batch = list(queue)
            queue.clear()
            return batch
        batch: list[tuple[OperationUpdate, Stored | None]] = []
        size = 0
        while queue and len(batch) < MAX_UPDATES_PER_CHECKPOINT:
            size += len(msgspec.json.encode(queue[0][0])) + 1
            if batch and size > MAX_CHECKPOINT_BYTES:
                break
            batch.append(queue.popleft())
        return batch


def _size_bound(update: OperationUpdate) -> int:
    """At least as many bytes as the update travels in, without encoding it to find out."""
    characters = len(update.payload) if update.payload is not None else 0
    if (error := update.error) is not None:
        characters += sum(len(text) for text in (error.error_message, error.error_data, error.error_type) if text)
        characters += sum(len(line) + 1 for line in error.stack_trace or ())
    return _ENVELOPE + _WIDEST_ESCAPE * characters


def classified(error: ServiceError, refused: str) -> BackendError | CheckpointError:
    """What a refusal means: the invocation is made again, or the execution has failed."""
    if error.is_stale_token or error.is_retryable:
        return BackendError(f"{error.code}: {error.message}", code="AWS_SDK_OPERATION")
    return CheckpointError(f"the service refused {refused}: {error.code}: {error.message}")
