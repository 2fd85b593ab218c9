"""When a plain function is called again with an event that nobody waits for, and when the event is given up."""

from __future__ import annotations

import pytest

from durable_lambda.engine.machine.queued import EventConfig, QueuedEvent, Unavailable, decide_attempt_failed
from durable_lambda.protocol.operations import ErrorObject

FAILED = ErrorObject("ValueError", "no")
UNAVAILABLE = Unavailable("Endpoint.Unreachable", "nobody there")
NEW = QueuedEvent("id", "prices", "{}", None, 5_000, 5_000)


def attempts(error: ErrorObject, config: EventConfig) -> tuple[list[float], str]:
    """The seconds between the attempts of an event of which each fails at once, and why it is given up."""
    event, rests = NEW, []
    while True:
        decision = decide_attempt_failed(event, error, config, event.due_at)
        if not isinstance(decision, QueuedEvent):
            return rests, decision
        rests.append((decision.due_at - event.due_at) / 1000)
        event = decision


def test_a_function_that_fails_is_called_twice_more_after_a_minute_and_after_two():
    assert attempts(FAILED, EventConfig()) == ([60, 120], "RetriesExhausted")


@pytest.mark.parametrize(("retries", "rests"), [(0, []), (1, [60])])
def test_fewer_retries_can_be_asked_for(retries, rests):
    assert attempts(FAILED, EventConfig(retries)) == (rests, "RetriesExhausted")


@pytest.mark.parametrize(("max_age", "rests"), [(60, [60]), (179, [60]), (180, [60, 120])])
def test_an_attempt_for_which_the_event_would_be_too_old_is_not_waited_for(max_age, rests):
    reason = "RetriesExhausted" if len(rests) == 2 else "EventAgeExceeded"
    assert attempts(FAILED, EventConfig(max_age=max_age)) == (rests, reason)


def test_a_function_that_cannot_be_run_is_tried_later_and_later_until_the_event_is_too_old():
    rests, reason = attempts(UNAVAILABLE, EventConfig())
    assert rests[:11] == [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(rests[11:]) == {300}
    assert 21_300 < sum(rests) <= 21_600
    assert reason == "EventAgeExceeded"


def test_what_could_not_be_run_counts_as_no_attempt():
    later = decide_attempt_failed(NEW, UNAVAILABLE, EventConfig(retries=0), 6_000)
    assert isinstance(later, QueuedEvent)
    assert later.failures == 0
    assert decide_attempt_failed(later, FAILED, EventConfig(retries=0), 7_000) == "RetriesExhausted"
