"""The engine proper, on its loop: the executions in memory, and what makes each of them go on.

Everything here runs on one thread, in the engine's own context. An execution moves by one rule, applied whenever
something of it was stored: what is due happens; if it ended, its waiters are told and it leaves memory; if its function
runs, the function is told; if its next invocation is due, it is invoked.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextvars import Context
from typing import Protocol, runtime_checkable

from durable_lambda.engine.backend import InProcessBackend
from durable_lambda.engine.clock import Clock
from durable_lambda.engine.commit import GroupCommit
from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.event_queue import EventQueue
from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.invoker import Invoker, Outcome, Registration, new_request_id
from durable_lambda.engine.invokes import Invokes
from durable_lambda.engine.machine.batch import Change
from durable_lambda.engine.machine.due import decide_due, goes_on_by_itself, next_due
from durable_lambda.engine.machine.identity import Entropy
from durable_lambda.engine.machine.invocation import begin_invocation, decide_failure, decide_output, decide_recovery
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.log import recover
from durable_lambda.engine.machine.outside import decide_resume
from durable_lambda.engine.machine.state import Invocation
from durable_lambda.engine.machine.targets import Targets
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.engine.store import EXPIRED_AT_ONCE, ExecutionStore
from durable_lambda.engine.timers import Timers
from durable_lambda.engine.waiters import Waiters
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import ErrorObject

logger = logging.getLogger("durable_lambda.engine")

REST_AFTER_FAILURE_SECONDS = 1.0
"""After the store failed, before an execution that is not running is tried again."""


@runtime_checkable
class Connected(Protocol):
    """A function that keeps connections to where it runs."""

    def close_connections(self) -> None: ...


class Host:
    """Created and used on the loop's thread."""

    def __init__(
        self,
        store: ExecutionStore,
        clock: Clock,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        entropy: Entropy = os.urandom,
        *,
        strict_qualifiers: bool = False,
        any_account: bool = False,
    ) -> None:
        self.store = store
        self.clock = clock
        self.limits = limits
        self.loop = loop
        self.entropy = entropy
        self.context = Context()
        """Empty: what runs in it belongs to no invocation."""
        self.live: dict[str, Hosted] = {}
        """Executions that have not ended, by id."""
        self.names: dict[tuple[str, str], Hosted] = {}
        """The same by function and name."""
        self.functions: dict[str, Registration] = {}
        self.plain: dict[str, PlainFunction] = {}
        self.targets = Targets(self.functions, self.plain, strict_qualifiers, any_account)
        self.waiters = Waiters(self.live)
        self.backend = InProcessBackend(self)
        self.invokes = Invokes(self)
        self.invoker = Invoker(
            loop, self.context, self.backend, self._on_invocation_end, self._on_idle, entropy=entropy
        )
        self.commit = GroupCommit(
            store,
            loop,
            self.context,
            on_stored=self._on_stored,
            on_failed=self._on_failed,
            on_ended=self.invokes.tell_parent,
            on_idle=self._on_idle,
        )
        self.timers: Timers[Hosted | EventQueue] = Timers(loop, self.context, clock, self._on_due, self._may_skip)
        self.events = EventQueue(self)
        self.last_key = store.last_key()
        self.on_quiet: Callable[[], None] = _nothing
        """Called when nothing is under way and no timer runs: only somebody outside can make anything go on."""
        self._expiry: asyncio.TimerHandle | None = None
        self._is_closing = False

    def recover(self) -> None:
        """Take up every execution that has not ended. Those whose function is not registered yet wait for it."""
        self._expire()
        for row in self.store.running():
            hosted = Hosted(row, recover(self.store.log(row.key), self.entropy))
            hosted.is_recovered = True
            self.enter(hosted)
        for hosted in list(self.live.values()):
            self.invokes.recover(hosted)
            self.advance(hosted)
        self.events.recover()

    def _expire(self) -> None:
        """Forget what was kept long enough; now, and every hour."""
        rest = 3600.0
        try:
            if self.store.expire(self.clock.now()) == EXPIRED_AT_ONCE:
                rest = 0.1  # there are more; what runs is let in between
        except StoreError:
            logger.exception("ended executions could not be removed; trying again in an hour")
        self._expiry = self.loop.call_later(rest, self._expire, context=self.context)

    def register(self, registration: Registration) -> None:
        """Host a durable function; its executions that waited for it go on."""
        self.plain.pop(registration.name, None)
        self.functions[registration.name] = registration
        self.invokes.on_registered()
        for hosted in list(self.live.values()):
            if hosted.row.function == registration.name:
                self._try_mended(hosted)
                self.advance(hosted)
        self._on_idle()

    def renew(self, function: str) -> None:
        """A function's code may have changed: what was paused because it did not fit tries again."""
        for hosted in list(self.live.values()):
            if hosted.row.function == function:
                self._try_mended(hosted)

    def _try_mended(self, hosted: Hosted) -> None:
        state = hosted.state
        if state.pause is not None and state.pause.is_mismatch and state.paused_at is not None:
            self.commit.change(hosted, decide_resume(state, "the code was loaded anew", None, self.clock.now()))

    def register_plain(self, function: PlainFunction) -> None:
        """Host a plain function; invokes and events that waited for it go on."""
        self.functions.pop(function.name, None)
        self.plain[function.name] = function
        self.invokes.on_registered()
        for hosted in list(self.live.values()):
            if hosted.state.uncalled:
                self.advance(hosted)
        self.events.look()
        self._on_idle()

    def enter(self, hosted: Hosted) -> None:
        """Keep an execution in memory."""
        self.live[hosted.row.id] = hosted
        self.names[hosted.row.function, hosted.row.name] = hosted

    def advance(self, hosted: Hosted) -> None:
        """Let happen what is due, and invoke the function if it is its turn."""
        state = hosted.state
        if not state.is_running or hosted.is_held:
            return
        now = self.clock.now()
        changes: list[Change] = []
        if state.invocation is None and (state.interrupted is not None or state.status == "PAUSING"):
            changes += decide_recovery(state, now)
        changes += decide_due(state, now)  # last: it may end the execution, and nothing comes after an end
        if changes:
            self.commit.change(hosted, changes)
        if hosted.is_dirty:
            return  # what follows, follows when that is stored
        if state.uncalled:
            self.invokes.call(hosted)
        registration = self.functions.get(hosted.row.function)
        is_its_turn = registration is not None and state.invocation is None and state.pause is None
        resume_at = state.resume_at if is_its_turn else None
        if registration is not None and resume_at is not None and resume_at <= now:
            request_id = new_request_id(self.entropy)
            event = begin_invocation(state, request_id, self.limits, now)
            self.invoker.start(hosted, registration, request_id, event)
            resume_at = None
        self.timers.arm(hosted, next_due(state, resume_at))

    def _on_due(self, due: Hosted | EventQueue) -> None:
        if isinstance(due, EventQueue):
            due.look()
        else:
            self.advance(due)

    async def close(self) -> None:
        """End what is under way, and leave every execution to go on where it stands."""
        self._is_closing = True
        if self._expiry is not None:
            self._expiry.cancel()
        self.timers.close()
        await self.invoker.close()
        for function in (*(each.function for each in self.functions.values()), *(p.fn for p in self.plain.values())):
            if isinstance(function, Connected):
                function.close_connections()
        self.commit.flush()

    def _on_stored(self, hosted: Hosted) -> None:
        state = hosted.state
        if not state.is_running:
            self._leave(hosted)
        else:
            if state.invocation is not None and state.unseen:
                self._tell(hosted.watchers)
            self.advance(hosted)
            self.waiters.look(hosted)
        if hosted.head_start is not None and hosted.task is None:
            self.invokes.release(hosted)
        self._tell(hosted.subscribers)

    def _on_failed(self, hosted: Hosted, invocation: Invocation | None) -> None:
        """The state is ahead of the disk: take it from there again, with the invocation as it was before."""
        try:
            log = self.store.log(hosted.row.key)
        except StoreError:
            logger.exception("execution %s is lost to this engine until it is opened again", hosted.state.arn)
            log = []
        if not log:
            self._drop(hosted)
            return
        ids = hosted.state.ids
        hosted.state = recover(log, self.entropy)
        hosted.state.ids = ids  # goes on with the tokens of the invocation
        if hosted.task is not None and not hosted.task.done():
            hosted.state.invocation = invocation
        hosted.armed = None
        hosted.is_held = True
        self.loop.call_later(REST_AFTER_FAILURE_SECONDS, self._on_rested, hosted, context=self.context)

    def _on_rested(self, hosted: Hosted) -> None:
        if not self._is_closing:
            hosted.is_held = False
            self.advance(hosted)

    def _on_invocation_end(self, hosted: Hosted, task: asyncio.Task[None], outcome: Outcome) -> None:
        if hosted.task is not task:
            return  # given up before
        state = hosted.state
        hosted.task = None
        if state.is_running and state.invocation is not None:
            now = self.clock.now()
            if isinstance(outcome, ErrorObject):
                logger.warning(
                    "an invocation of %s failed: %s: %s", state.arn, outcome.error_type, outcome.error_message
                )
                changes = decide_failure(state, outcome, self.limits, now)
            else:
                changes = decide_output(state, outcome, self.limits, now)
            try:
                self.commit.change(hosted, changes)
            except InvalidParameterValueException as problem:
                # A text that cannot be stored (a file's name in an exception's, say) must not stop the execution here.
                failed = InvocationOutput("FAILED", error=ErrorObject(problem.code, problem.message))
                self.commit.change(hosted, decide_output(state, failed, self.limits, now))
            state.invocation = None
            if state.pause is not None and state.pause.is_mismatch and not self.waiters.are_told_of(hosted):
                reason = " ".join((state.pause.reason or "").split())  # on one line, and not all of it
                logger.warning("%s is paused until its code is mended: %.300s", state.arn, reason)

    def _on_idle(self) -> None:
        if self.is_idle:
            self.timers.look()
            if not self.timers.is_armed:
                self.on_quiet()

    def _leave(self, hosted: Hosted) -> None:
        """An execution has ended: its waiters are told, and from now on it is read from the store."""
        end = hosted.state.ended
        assert end is not None
        self._drop(hosted)
        if end.status in ("STOPPED", "TIMED_OUT"):
            self._tell(hosted.watchers)  # what still runs learns from its next checkpoint that it need not
        self.waiters.on_end(hosted)

    def _drop(self, hosted: Hosted) -> None:
        self.timers.arm(hosted, None)
        self.live.pop(hosted.row.id, None)
        self.names.pop((hosted.row.function, hosted.row.name), None)

    def _may_skip(self) -> bool:
        if not self.is_idle or any(hosted.is_held for hosted in self.live.values()):
            return False
        return self.events.goes_on_by_itself or any(
            hosted.row.function in self.functions and goes_on_by_itself(hosted.state) for hosted in self.live.values()
        )

    @property
    def is_idle(self) -> bool:
        """Whether no invocation is under way and nothing waits to be stored."""
        return self.commit.is_idle and self.invoker.is_idle

    @staticmethod
    def _tell(observers: list[Callable[[], None]]) -> None:
        for observer in tuple(observers):
            try:
                observer()
            except Exception:
                logger.exception("an observer of an execution failed")


def _nothing() -> None:
    """Nobody asked to be told."""
