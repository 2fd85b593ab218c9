"""When a failed attempt is tried again, and how long after.

A policy is a value: it decides from the exception and the number of attempts, and keeps no state. The delay is recorded
with the attempt that failed, so a replay never asks again.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import msgspec

from durable_lambda.arguments import answer_of, check_predicate
from durable_lambda.errors import (
    DeserializationError,
    SerializationError,
    StepInterruptedError,
    ValidationError,
)
from durable_lambda.protocol.limits import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from random import Random

Jitter: TypeAlias = Literal["full", "half", "none"]
RetryOn: TypeAlias = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool] | None

_PROGRAMMING_ERRORS: Final = (
    NameError,
    SyntaxError,
    ImportError,
    ValidationError,
    SerializationError,
    DeserializationError,
)
_WRONG_CALL: Final = r"\(\) (takes|missing|got an? |got some|got multiple|argument after)|not callable$"


def _worth_retrying(error: BaseException) -> bool:
    """The default: everything but programming errors, which fail the same every time, and interrupted attempts."""
    if isinstance(error, (*_PROGRAMMING_ERRORS, StepInterruptedError)):
        return False
    return not (isinstance(error, TypeError) and re.search(_WRONG_CALL, str(error)))


def _seconds(value: float | timedelta, option: str) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds) or seconds < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"{option} must be a number of seconds from 0 or a timedelta, not {value!r}")
    return seconds


def _check_attempts(max_attempts: int) -> None:
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"max_attempts must be a whole number from 1, not {max_attempts!r}")


def _check_delays(backoff: float, jitter: Jitter, **delays: float | timedelta) -> None:
    for option, delay in delays.items():
        seconds = _seconds(delay, option)
        if seconds > MAX_WAIT_SECONDS:
            raise ValidationError(f"{option} must be at most {MAX_WAIT_SECONDS} seconds (366 days), not {seconds:g}")
    is_number = isinstance(backoff, (int, float)) and not isinstance(backoff, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_number or not 1 <= backoff < math.inf:
        raise ValidationError(f"backoff must be a number from 1, not {backoff!r}")
    if jitter not in ("full", "half", "none"):
        raise ValidationError(f'jitter must be "full", "half" or "none", not {jitter!r}')


@functools.cache
def _generator() -> Random:
    """Our own, so that a program that seeds the module's is not disturbed; late, since a cold start needs none."""
    from random import Random

    return Random()


def seed_jitter(seed: int) -> None:
    """Draw the same jitter from now on as every time after this seed: for tests that have to repeat."""
    _generator().seed(seed)


def _delay(
    initial: float, longest: float, backoff: float, jitter: Jitter, attempt: int, *, increment: float = 0
) -> int:
    """Whole seconds after the attempt of that number, from 1: exponential or linear, bounded, and with jitter."""
    try:
        delay = initial * backoff ** (attempt - 1)
    except OverflowError:
        delay = longest
    delay = min(delay + increment * (attempt - 1), longest)
    if jitter != "none":
        delay = _generator().uniform(0 if jitter == "full" else delay / 2, delay)
    return max(1, math.ceil(delay))


class Retry(msgspec.Struct, frozen=True):
    """A retry policy of a step.

    Args:
        max_attempts: How often the body may run, the first time included. Default 6, as the service's own SDKs.
        initial_delay: Seconds (or a `timedelta`) before the second attempt. Default 5.
        max_delay: The longest delay, seconds or a `timedelta`. Default 60.
        backoff: What the delay is multiplied by after each attempt. Default 2.0.
        increment: Seconds added to the delay after each attempt, for `linear`. Default 0.
        jitter: `"full"` draws between 0 and the delay, `"half"` between half of it and it, `"none"` takes it as it is.
            A delay is at least one second on the wire, and whole seconds. Default `"full"`.
        retry_on: Exception types, or a predicate of the exception; what it does not match is not tried again. Default:
            everything but programming errors (`NameError`, `SyntaxError`, `ImportError`, a `TypeError` from a wrong
            call), this package's own validation and serialization errors, and `StepInterruptedError`. Types that are
            named here are also rebuilt as themselves when they are replayed.

    Raises:
        ValidationError: An argument is out of its bounds.
    """

    max_attempts: int = 6
    initial_delay: float | timedelta = 5
    max_delay: float | timedelta = 60
    backoff: float = 2.0
    jitter: Jitter = "full"
    retry_on: RetryOn = None
    increment: float | timedelta = 0

    def __post_init__(self) -> None:
        _check_attempts(self.max_attempts)
        _check_delays(
            self.backoff,
            self.jitter,
            initial_delay=self.initial_delay,
            max_delay=self.max_delay,
            increment=self.increment,
        )
        if not _is_filter(self.retry_on):
            raise ValidationError(
                f"retry_on must be exception types or a predicate, not {self.retry_on!r}: retry_on=ConnectionError, "
                "retry_on=(ConnectionError, TimeoutError), retry_on=lambda error: …"
            )
        if self.retry_on is not None and not self.exception_types:
            check_predicate(self.retry_on, "retry_on takes a function of the exception", "retry_on=lambda error: …")

    @classmethod
    def none(cls) -> Retry:
        """One attempt, no retry."""
        return cls(max_attempts=1)

    @classmethod
    def fixed(cls, delay: float | timedelta = 5, *, max_attempts: int = 6, retry_on: RetryOn = None) -> Retry:
        """The same delay every time, without jitter."""
        return cls(max_attempts, delay, delay, 1.0, "none", retry_on)

    @classmethod
    def linear(
        cls,
        initial_delay: float | timedelta = 1,
        *,
        increment: float | timedelta = 1,
        max_delay: float | timedelta = 300,
        max_attempts: int = 6,
        jitter: Jitter = "full",
        retry_on: RetryOn = None,
    ) -> Retry:
        """A delay that grows by `increment` with every attempt."""
        return cls(max_attempts, initial_delay, max_delay, 1.0, jitter, retry_on, increment)

    @property
    def exception_types(self) -> tuple[type[BaseException], ...]:
        """The exception types that `retry_on` names."""
        if isinstance(self.retry_on, type):
            return (self.retry_on,)
        if isinstance(self.retry_on, tuple):
            return cast("tuple[type[BaseException], ...]", self.retry_on)  # pyright: ignore[reportUnknownMemberType]
        return ()

    def delay_after(self, error: BaseException, attempt: int) -> int | None:
        """Whole seconds until the next attempt, or `None` when there is none.

        Args:
            error: What the attempt raised.
            attempt: Its number, from 1.
        """
        if attempt >= self.max_attempts or not self._matches(error):
            return None
        return _delay(
            _seconds(self.initial_delay, "initial_delay"),
            _seconds(self.max_delay, "max_delay"),
            self.backoff,
            self.jitter,
            attempt,
            increment=_seconds(self.increment, "increment"),
        )

    def _matches(self, error: BaseException) -> bool:
        if self.retry_on is None:
            return _worth_retrying(error)
        if self.exception_types:
            return isinstance(error, self.exception_types)
        return bool(answer_of(self.retry_on(error), "retry_on")) if callable(self.retry_on) else False


class Poll(msgspec.Struct, frozen=True):
    """How often `wait_for_condition` looks, and how long it waits in between.

    Args:
        max_attempts: How often the check may run. Default 60.
        initial_delay: Seconds (or a `timedelta`) after the first check. Default 5.
        max_delay: The longest delay, seconds or a `timedelta`. Default 300.
        backoff: What the delay is multiplied by after each check. Default 1.5.
        jitter: As for `Retry`. Default `"full"`.

    Raises:
        ValidationError: An argument is out of its bounds.
    """

    max_attempts: int = 60
    initial_delay: float | timedelta = 5
    max_delay: float | timedelta = 300
    backoff: float = 1.5
    jitter: Jitter = "full"

    def __post_init__(self) -> None:
        _check_attempts(self.max_attempts)
        _check_delays(self.backoff, self.jitter, initial_delay=self.initial_delay, max_delay=self.max_delay)

    def delay_after(self, attempt: int) -> int | None:
        """Whole seconds until the next check after the one of that number, from 1; `None` when it was the last."""
        if attempt >= self.max_attempts:
            return None
        return _delay(
            _seconds(self.initial_delay, "initial_delay"),
            _seconds(self.max_delay, "max_delay"),
            self.backoff,
            self.jitter,
            attempt,
        )


def _is_filter(retry_on: object) -> bool:
    if isinstance(retry_on, tuple):
        classes = cast("tuple[object, ...]", retry_on)
        return bool(classes) and all(isinstance(item, type) and issubclass(item, BaseException) for item in classes)
    if isinstance(retry_on, type):
        return issubclass(retry_on, BaseException)
    return retry_on is None or callable(retry_on)


DEFAULT_RETRY: Final = Retry()
DEFAULT_POLL: Final = Poll()


def retry_policy(retry: Retry | int | None) -> Retry:
    """The policy of a `retry=` option: a policy, a number of retries after the first run, or the default.

    Raises:
        ValidationError: Neither of these, or a negative number.
    """
    if retry is None:
        return DEFAULT_RETRY
    if isinstance(retry, Retry):
        return retry
    if isinstance(retry, bool) or not isinstance(retry, int) or retry < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"retry must be a Retry or a number of retries from 0, not {retry!r}")
    return Retry(max_attempts=retry + 1)
