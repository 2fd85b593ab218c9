"""Retry policies as values: which delays they give, and what they refuse to be."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_lambda import Retry, StepInterruptedError, ValidationError
from durable_lambda.retry import retry_policy

ERROR = ConnectionError("no")
MAX = 31_622_400

seconds = st.floats(0, 10_000, allow_nan=False) | st.integers(0, 10_000)
durations = seconds | st.timedeltas(timedelta(0), timedelta(days=1))
attempts = st.integers(1, 10_000)


@st.composite
def policies(draw: st.DrawFn, **fixed: Any) -> Retry:
    arguments = {
        "max_attempts": draw(st.integers(2, 10_001)),
        "initial_delay": draw(durations),
        "max_delay": draw(durations),
        "backoff": draw(st.floats(1, 10)),
        "jitter": draw(st.sampled_from(["full", "half", "none"])),
        "increment": draw(durations),
    }
    return Retry(**arguments | fixed)


def in_seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


@given(policies(), attempts)
def test_a_delay_is_whole_seconds_from_1_to_the_longest(policy: Retry, attempt: int) -> None:
    delay = policy.delay_after(ERROR, attempt)
    if attempt >= policy.max_attempts:
        assert delay is None
    else:
        assert type(delay) is int
        assert 1 <= delay <= max(1, math.ceil(in_seconds(policy.max_delay)))
        assert delay <= MAX


@given(policies(jitter="none"), attempts)
def test_a_delay_without_jitter_never_shrinks(policy: Retry, attempt: int) -> None:
    delay, following = policy.delay_after(ERROR, attempt), policy.delay_after(ERROR, attempt + 1)
    assert delay is None or following is None or delay <= following


@given(policies(jitter="none"), attempts)
def test_a_delay_without_jitter_is_always_the_same(policy: Retry, attempt: int) -> None:
    assert policy.delay_after(ERROR, attempt) == policy.delay_after(ERROR, attempt)


@given(st.integers(1, 1000), st.integers(1, 50), st.data())
def test_full_jitter_is_between_1_and_the_delay(initial: int, attempt: int, data: st.DataObject) -> None:
    full = Retry(100, initial, 3600, 1.5, "full").delay_after(ERROR, attempt)
    none = Retry(100, initial, 3600, 1.5, "none").delay_after(ERROR, attempt)
    assert full is not None
    assert none is not None
    assert 1 <= full <= none


@given(st.integers(1, 1000), st.integers(1, 50))
def test_half_jitter_is_between_half_the_delay_and_the_delay(initial: int, attempt: int) -> None:
    half = Retry(100, initial, 3600, 1.5, "half").delay_after(ERROR, attempt)
    exact = min(initial * 1.5 ** (attempt - 1), 3600)
    assert half is not None
    assert math.ceil(exact / 2) <= half <= math.ceil(exact)


@pytest.mark.parametrize(("jitter", "lowest"), [("full", 1), ("half", 500)])
def test_jitter_spreads_over_its_whole_range(jitter: Any, lowest: int) -> None:
    policy = Retry(2, 1000, 1000, 1.0, jitter)
    delays = [policy.delay_after(ERROR, 1) or 0 for _ in range(500)]
    width = 1000 - lowest
    assert min(delays) < lowest + width * 0.1
    assert max(delays) > 1000 - width * 0.1
    assert len(set(delays)) > 100


def test_the_default_is_that_of_the_services_sdks() -> None:
    default = Retry()
    assert (default.max_attempts, default.initial_delay, default.max_delay) == (6, 5, 60)
    assert (default.backoff, default.jitter) == (2.0, "full")
    assert retry_policy(None) == default


def test_an_exponential_policy_doubles_up_to_its_longest() -> None:
    policy = Retry(jitter="none")
    assert [policy.delay_after(ERROR, attempt) for attempt in range(1, 7)] == [5, 10, 20, 40, 60, None]


def test_a_fixed_policy_has_one_delay() -> None:
    policy = Retry.fixed(7, max_attempts=4)
    assert [policy.delay_after(ERROR, attempt) for attempt in range(1, 5)] == [7, 7, 7, None]


def test_a_fixed_policy_may_be_longer_than_a_minute() -> None:
    assert Retry.fixed(timedelta(hours=1)).delay_after(ERROR, 1) == 3600


def test_a_linear_policy_grows_by_its_increment() -> None:
    policy = Retry.linear(2, increment=3, max_delay=9, jitter="none", max_attempts=5)
    assert [policy.delay_after(ERROR, attempt) for attempt in range(1, 6)] == [2, 5, 8, 9, None]


def test_none_never_tries_again() -> None:
    assert Retry.none().delay_after(ERROR, 1) is None


@pytest.mark.parametrize("retries", [0, 1, 3, 10])
def test_a_number_is_that_many_retries(retries: int) -> None:
    assert retry_policy(retries).max_attempts == retries + 1


def test_an_exponent_beyond_all_floats_is_the_longest_delay() -> None:
    assert Retry(10_000, 5, 60, 10.0, "none").delay_after(ERROR, 9_999) == 60


def test_a_policy_gives_no_delay_for_what_it_does_not_match() -> None:
    assert Retry(retry_on=KeyError).delay_after(ERROR, 1) is None
    assert Retry(retry_on=(KeyError, OSError)).delay_after(ERROR, 1) is not None
    assert Retry(retry_on=lambda error: False).delay_after(ERROR, 1) is None
    assert Retry().delay_after(StepInterruptedError("cut off"), 1) is None


def test_a_policy_is_a_value() -> None:
    assert Retry(retry_on=KeyError) == Retry(retry_on=KeyError)
    with pytest.raises(AttributeError):
        Retry().max_attempts = 7  # type: ignore[misc]  # it is what the test is about


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"max_attempts": 0}, "max_attempts must be a whole number from 1, not 0"),
        ({"max_attempts": -1}, "max_attempts must be"),
        ({"max_attempts": 1.5}, "max_attempts must be"),
        ({"max_attempts": True}, "max_attempts must be"),
        ({"max_attempts": "3"}, "max_attempts must be"),
        ({"initial_delay": -1}, "initial_delay must be"),
        ({"initial_delay": math.nan}, "initial_delay must be"),
        ({"initial_delay": math.inf}, "initial_delay must be"),
        ({"initial_delay": True}, "initial_delay must be"),
        ({"initial_delay": "5"}, "initial_delay must be"),
        ({"initial_delay": None}, "initial_delay must be"),
        ({"initial_delay": MAX + 1}, "initial_delay must be at most 31622400 seconds"),
        ({"max_delay": timedelta(days=367)}, "max_delay must be at most"),
        ({"max_delay": timedelta(seconds=-1)}, "max_delay must be"),
        ({"increment": -1}, "increment must be"),
        ({"backoff": 0.5}, "backoff must be a number from 1"),
        ({"backoff": math.nan}, "backoff must be"),
        ({"backoff": math.inf}, "backoff must be"),
        ({"backoff": "2"}, "backoff must be"),
        ({"backoff": True}, "backoff must be"),
        ({"jitter": "some"}, 'jitter must be "full", "half" or "none"'),
        ({"retry_on": ()}, "retry_on must be"),
        ({"retry_on": (int,)}, "retry_on must be"),
        ({"retry_on": int}, "retry_on must be"),
        ({"retry_on": "ValueError"}, "retry_on must be"),
        ({"retry_on": [ValueError]}, "retry_on must be"),
    ],
    ids=repr,
)
def test_an_argument_out_of_bounds_is_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Retry(**arguments)
    assert text in str(refused.value)


@pytest.mark.parametrize("retry", [-1, True, 1.5, "3", [3]])
def test_a_retry_that_is_neither_policy_nor_number_is_refused(retry: Any) -> None:
    with pytest.raises(ValidationError, match="retry must be a Retry or a number of retries from 0"):
        retry_policy(retry)
