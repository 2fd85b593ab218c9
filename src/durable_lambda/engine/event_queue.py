"""The queue of events that plain functions are called with and nobody waits for, as Lambda keeps one.

An event is stored before its sender is told so, and forgotten when the function has answered or the event is given up.
So a crash loses none; the call that it interrupts is made again: at least once. However many wait, in memory there are
only their places in their functions' lines; the payloads stay on the disk until their turn.
"""

from __future__ import annotations

import heapq
import logging
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.invoker import Outcome, new_request_id
from durable_lambda.engine.machine.queued import DEFAULT_EVENT_CONFIG, GivenUp, QueuedEvent, decide_attempt_failed
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.protocol.operations import ErrorObject

if TYPE_CHECKING:
    from durable_lambda.engine.host import Host

logger = logging.getLogger("durable_lambda.engine")

MAX_CALLS: Final = 100
"""Calls of one function that are under way at the same time; more events wait for their turn."""

REST_SECONDS: Final = 1.0
"""After the store failed, before it is asked again."""


class Place(NamedTuple):
    """Where an event stands in its function's line."""

    due_at: int
    order: int
    id: str
    received_at: int


class Line:
    """The events of one function: a heap of those that wait, and how many it is being called with."""

    def __init__(self) -> None:
        self.waiting: list[Place] = []
        self.calls = 0


class EventQueue:
    """Used on the engine's loop."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lines: dict[str, Line] = {}
        self._order = count()
        self.armed: int | None = None
        """The moment that the timers have for it."""
        self.given_up: Counter[tuple[str, GivenUp]] = Counter()
        """Since the engine was opened: by function, and why."""
        self.unanswered = 0
        """Events that are stored."""

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether time alone leads to another call."""
        return any(line.waiting and function in self._host.plain for function, line in self._lines.items())

    def recover(self) -> None:
        """Take up what is stored. Events whose function is not registered yet wait for it."""
        for event_id, function, received_at, due_at in self._host.store.queued_events():
            self.unanswered += 1
            self._enter(event_id, function, received_at, due_at)
        self.look()

    def put(self, function: str, payload: str | None, tenant_id: str | None) -> None:
        """Store an event at the end of this round; then the function is called."""
        now = self._host.clock.now()
        event = QueuedEvent(new_request_id(self._host.entropy), function, payload, tenant_id, now, now)

        def on_stored(error: StoreError | None) -> None:
            if error is None:
                self.unanswered += 1
                self._on_kept(event)

        self._host.commit.keep_event(event)
        self._host.commit.then(on_stored)

    def look(self) -> None:
        """Call what is due and has a place, give up what is too old, and wait for what comes next."""
        moments: list[int] = []
        for function, line in self._lines.items():
            plain = self._host.plain.get(function)
            self._advance(line, function, plain)
            if line.waiting and plain is None:
                moments.append(DEFAULT_EVENT_CONFIG.expiry(line.waiting[0].received_at) + 1)
            elif line.waiting and line.calls < MAX_CALLS:
                moments.append(line.waiting[0].due_at)
        self._host.timers.arm(self, min(moments, default=None))

    def _advance(self, line: Line, function: str, plain: PlainFunction | None) -> None:
        now = self._host.clock.now()
        config = DEFAULT_EVENT_CONFIG if plain is None else plain.events
        while line.waiting:
            first = line.waiting[0]
            if config.expiry(first.received_at) < now:
                heapq.heappop(line.waiting)
                self._give_up(first.id, function, "EventAgeExceeded")
            elif plain is not None and first.due_at <= now and line.calls < MAX_CALLS:
                heapq.heappop(line.waiting)
                self._call(line, plain, first)
            else:
                return

    def _call(self, line: Line, plain: PlainFunction, place: Place) -> None:
        host = self._host
        try:
            event = host.store.queued_event(place.id)
        except StoreError:
            logger.exception("an event of %s cannot be read; trying again", plain.name)
            later = host.clock.now() + round(REST_SECONDS * 1000)
            self._enter(place.id, plain.name, place.received_at, later)
            return
        if event is None:  # somebody has removed it from the file by hand
            self.unanswered -= 1
            return
        line.calls += 1
        host.invoker.call(
            plain,
            event.payload,
            event.tenant_id,
            lambda outcome: self._on_answer(line, event, outcome),
            request_id=event.id,
        )

    def _on_answer(self, line: Line, event: QueuedEvent, outcome: Outcome) -> None:
        line.calls -= 1
        if isinstance(outcome, ErrorObject):
            self._on_failure(event, outcome)
        else:
            self._store(event.id, None)
        self.look()

    def _on_failure(self, event: QueuedEvent, error: ErrorObject) -> None:
        now = self._host.clock.now()
        plain = self._host.plain.get(event.function)
        decision = decide_attempt_failed(event, error, DEFAULT_EVENT_CONFIG if plain is None else plain.events, now)
        what = f"{error.error_type}: {error.error_message}"
        if isinstance(decision, QueuedEvent):
            seconds = (decision.due_at - now) / 1000
            logger.warning("%s failed with event %s, again in %g s: %s", event.function, event.id, seconds, what)
            self._store(event.id, decision)
        else:
            logger.warning("%s failed with event %s: %s", event.function, event.id, what)
            self._give_up(event.id, event.function, decision)

    def _give_up(self, event_id: str, function: str, why: GivenUp) -> None:
        logger.error("event %s of %s is given up: %s", event_id, function, why)
        self.given_up[function, why] += 1
        self._store(event_id, None)

    def _store(self, event_id: str, event: QueuedEvent | None) -> None:
        """Store an event as it waits for its next attempt, or forget it; if that fails, once more a little later."""
        host = self._host

        def on_stored(error: StoreError | None) -> None:
            if error is not None:
                host.loop.call_later(REST_SECONDS, self._store, event_id, event, context=host.context)
            elif event is None:
                self.unanswered -= 1
            else:
                self._on_kept(event)

        if event is None:
            host.commit.forget_event(event_id)
        else:
            host.commit.keep_event(event)
        host.commit.then(on_stored)

    def _on_kept(self, event: QueuedEvent) -> None:
        self._enter(event.id, event.function, event.received_at, event.due_at)
        self.look()

    def _enter(self, event_id: str, function: str, received_at: int, due_at: int) -> None:
        line = self._lines.setdefault(function, Line())
        heapq.heappush(line.waiting, Place(due_at, next(self._order), event_id, received_at))
