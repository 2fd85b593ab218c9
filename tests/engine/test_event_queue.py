"""Plain functions that are called with events that nobody waits for: stored, called again, given up, and never lost."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from durable_lambda.engine import Engine, ManualClock, SkippingClock, StoreError, event_queue
from durable_lambda.engine.host import Host
from durable_lambda.errors import ValidationError

TIMEOUT = 10
HOUR = 3600


class Prices:
    """A plain function: keeps what it was called with and when, fails as often as it is told to."""

    def __init__(self, clock: ManualClock, failures: int = 0) -> None:
        self.calls: SimpleQueue[tuple[Any, str, str | None]] = SimpleQueue()
        self.moments: list[int] = []
        self._clock = clock
        self._failures = failures

    def __call__(self, event: Any, context: Any) -> int:
        self.moments.append(self._clock.now())
        self.calls.put((event, context.aws_request_id, context.tenant_id))
        if len(self.moments) <= self._failures:
            raise ValueError("no price for that")
        return 3

    def seconds(self) -> list[float]:
        """Of the calls, since the first one."""
        return [(moment - self.moments[0]) / 1000 for moment in self.moments]


def put(engine: Engine, payload: str | None = "{}", tenant_id: str | None = None) -> None:
    """What the server does for an asynchronous invocation."""
    engine.thread.ask(lambda host: host.events.put("prices", payload, tenant_id), durably=True).result(TIMEOUT)


def read(engine: Engine, action: Callable[[Host], Any]) -> Any:
    return engine.thread.ask(action).result(TIMEOUT)


def until_answered(engine: Engine) -> None:
    """Wait until no event is stored any more."""
    ends_at = time.monotonic() + TIMEOUT
    while read(engine, lambda host: host.events.unanswered):
        assert time.monotonic() < ends_at
    assert read(engine, lambda host: host.store.queued_events()) == []


def given_up(engine: Engine) -> dict[tuple[str, str], int]:
    return read(engine, lambda host: dict(host.events.given_up))


@pytest.fixture
def clock():
    return SkippingClock(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


def test_an_event_is_answered_once_and_forgotten(engine, clock):
    prices = Prices(clock)
    engine.register(prices, "prices")
    put(engine, '{"of":"tea"}', "blue")
    until_answered(engine)
    assert prices.calls.get_nowait()[::2] == ({"of": "tea"}, "blue")
    assert prices.calls.empty()


def test_a_function_that_fails_is_called_again_by_the_engines_clock_with_the_same_request_id(engine, clock):
    prices = Prices(clock, failures=2)
    engine.register(prices, "prices")
    put(engine)
    until_answered(engine)
    assert prices.seconds() == [0, 60, 180]
    assert len({prices.calls.get_nowait()[1] for _ in range(3)}) == 1
    assert given_up(engine) == {}


def test_a_function_that_fails_three_times_is_not_called_again_and_that_is_logged_and_counted(engine, clock, caplog):
    prices = Prices(clock, failures=9)
    engine.register(prices, "prices")
    with caplog.at_level(logging.WARNING, "durable_lambda.engine"):
        put(engine, '"a secret"')
        until_answered(engine)
    assert prices.seconds() == [0, 60, 180]
    assert given_up(engine) == {("prices", "RetriesExhausted"): 1}
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "WARNING", "WARNING", "ERROR"]
    assert "again in 60 s: ValueError: no price for that" in told[0][1]
    assert prices.calls.get_nowait()[1] in told[3][1]
    assert "RetriesExhausted" in told[3][1]
    assert "secret" not in caplog.text


def test_fewer_attempts_can_be_asked_for(engine, clock):
    prices = Prices(clock, failures=9)
    engine.register(prices, "prices", event_retries=0)
    put(engine)
    until_answered(engine)
    assert prices.seconds() == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event_retries": 3}, "event_retries must be 0 to 2, not 3"),
        ({"event_retries": True}, "event_retries must be 0 to 2, not True"),
        ({"max_event_age": 59}, "max_event_age must be a whole number of seconds from 60 to 21600, not 59"),
    ],
)
def test_what_lambda_would_not_take_is_refused(engine, options, message):
    with pytest.raises(ValidationError, match=message):
        engine.register(lambda event, context: None, "prices", **options)


def test_an_event_waits_across_a_restart_until_its_function_is_registered(path):
    clock = ManualClock()
    with Engine(path, clock=clock) as engine:
        put(engine)
    prices = Prices(clock)
    with Engine(path, clock=clock) as engine:
        assert read(engine, lambda host: host.events.unanswered) == 1
        engine.register(prices, "prices")
        until_answered(engine)
    assert len(prices.moments) == 1


def test_an_attempt_that_is_due_later_is_made_after_a_restart_when_it_is_due(path):
    clock = ManualClock(0)
    failing = Prices(clock, failures=9)
    with Engine(path, clock=clock) as engine:
        engine.register(failing, "prices")
        put(engine)
        request_id = failing.calls.get(timeout=TIMEOUT)[1]
        ends_at = time.monotonic() + TIMEOUT
        while read(engine, lambda host: host.store.queued_event(request_id).failures) == 0:
            assert time.monotonic() < ends_at
    clock.advance(59)
    prices = Prices(clock)
    with Engine(path, clock=clock) as engine:
        engine.register(prices, "prices")
        assert read(engine, lambda host: (host.events.armed, host.invoker.is_idle)) == (60_000, True)
        clock.advance(1)
        until_answered(engine)
    assert prices.moments == [60_000]
    assert prices.calls.get_nowait()[1] == request_id


@pytest.mark.parametrize("is_registered", [True, False])
def test_an_event_that_is_too_old_is_given_up_and_its_function_is_not_called(path, is_registered):
    clock = ManualClock()
    prices = Prices(clock)
    with Engine(path, clock=clock) as engine:
        put(engine)
    if is_registered:
        clock.advance(61)
    with Engine(path, clock=clock) as engine:
        if is_registered:
            engine.register(prices, "prices", max_event_age=60)
        else:
            clock.advance(6 * HOUR + 1)
        until_answered(engine)
        assert given_up(engine) == {("prices", "EventAgeExceeded"): 1}
    assert prices.moments == []


def test_a_call_that_a_crash_interrupts_is_made_again(path, tmp_path):
    clock = ManualClock()
    entered, go = threading.Event(), threading.Event()

    def interrupted(event: Any, context: Any) -> None:
        entered.set()
        go.wait(TIMEOUT)

    with Engine(path, clock=clock) as engine:
        engine.register(interrupted, "prices")
        put(engine, '"tea"')
        assert entered.wait(TIMEOUT)
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{tmp_path / 'crash.db'}{suffix}")
        go.set()
        until_answered(engine)
    prices = Prices(clock)
    with Engine(tmp_path / "crash.db", clock=clock) as engine:
        engine.register(prices, "prices")
        until_answered(engine)
    assert prices.calls.get_nowait()[0] == "tea"


def test_a_close_in_the_middle_of_a_call_leaves_the_event_to_the_next_engine(path):
    clock = ManualClock()
    entered = threading.Event()

    async def hangs(event: Any, context: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    with Engine(path, clock=clock) as engine:
        engine.register(hangs, "prices")
        put(engine)
        assert entered.wait(TIMEOUT)
    prices = Prices(clock)
    with Engine(path, clock=clock) as engine:
        engine.register(prices, "prices")
        until_answered(engine)
    assert len(prices.moments) == 1


def test_no_more_events_than_there_are_places_for_are_called_with_at_once(engine, monkeypatch):
    monkeypatch.setattr(event_queue, "MAX_CALLS", 3)
    lock, running, most, calls = threading.Lock(), [0], [0], []
    together = threading.Barrier(3)

    def counted(event: Any, context: Any) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(TIMEOUT)
        with lock:
            running[0] -= 1
            calls.append(event)

    engine.register(counted, "prices")
    for number in range(12):
        put(engine, str(number))
    until_answered(engine)
    assert most[0] == 3
    assert sorted(calls) == list(range(12))


def set_room(engine: Engine, pages: int) -> None:
    """Let the database have so many more pages than it has."""

    def limit(host: Host) -> None:
        connection = host.store._connection
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0] + pages}")

    read(engine, limit)


def test_an_event_that_cannot_be_stored_is_not_acknowledged_and_not_called_with(path):
    clock = ManualClock()
    prices = Prices(clock)
    with Engine(path, clock=clock) as engine:
        engine.register(prices, "prices")
        set_room(engine, 0)
        with pytest.raises(StoreError):
            put(engine, f'"{"x" * 100_000}"')
        set_room(engine, 1000)
        put(engine, '"small"')
        until_answered(engine)
    assert prices.calls.get_nowait()[0] == "small"
    assert prices.calls.empty()


@pytest.mark.parametrize("failures", [0, 1])
def test_an_answer_that_cannot_be_stored_is_stored_later_and_the_function_is_not_called_for_that(
    path, monkeypatch, failures
):
    monkeypatch.setattr(event_queue, "REST_SECONDS", 0.01)
    clock = SkippingClock(0)
    prices = Prices(clock, failures=failures)
    with Engine(path, clock=clock) as engine:
        host = read(engine, lambda host: host)
        write, faults = host.store.write, []

        def faulty(writes: Any) -> None:
            settles = writes.forgotten_events or any(event.failures for event in writes.events)
            if settles and len(faults) < 3:
                faults.append(writes)
                raise StoreError("the disk is full")
            write(writes)

        monkeypatch.setattr(host.store, "write", faulty)
        engine.register(prices, "prices")
        put(engine)
        until_answered(engine)
    assert len(faults) == 3
    assert prices.seconds() == [0, 60][: 1 + failures]
