"""When a request to the service is sent again, and after which delay. Pure: what happens is passed in.

Sending a checkpoint twice is safe, since both carry the same client token: the service answers the second as the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from durable_lambda.protocol.errors import ServiceError

FIRST_DELAY: Final = 0.1
FIRST_DELAY_WHEN_THROTTLED: Final = 0.5
MAX_DELAY: Final = 10.0
MAX_RETRY_AFTER: Final = 20.0
"""Seconds: a longer `Retry-After` is cut. Waiting costs billed time, and Lambda invokes again more cheaply."""


def is_worth_a_retry(error: Exception) -> bool:
    """Whether the same request may be answered the next time: throttling, a fault of the service, the network."""
    return error.is_retryable if isinstance(error, ServiceError) else isinstance(error, OSError)


def delay_before_retry(retry: int, error: Exception, retry_after: str | None, random: Callable[[], float]) -> float:
    """Seconds to wait before the nth retry (from 1): as long as the service says, else exponential with full jitter."""
    told = _seconds(retry_after)
    if told is not None:
        return min(told, MAX_RETRY_AFTER)
    throttled = isinstance(error, ServiceError) and error.status == 429
    first = FIRST_DELAY_WHEN_THROTTLED if throttled else FIRST_DELAY
    return random() * min(first * 2.0 ** (retry - 1), MAX_DELAY)


def _seconds(retry_after: str | None) -> float | None:
    """The header's seconds. Its other form, a date, is not used by the service."""
    try:
        seconds = float(retry_after) if retry_after else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
