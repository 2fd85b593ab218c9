"""Events that plain functions are called with and nobody waits for: when one is called again, and when it is given up.

By the rules of Lambda's asynchronous invocation. A function that fails is called again after a minute, then after two.
One that could not be run at all is tried again sooner, then later and later, as long as the event is not too old.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from durable_lambda.protocol import limits
from durable_lambda.protocol.operations import ErrorObject

DELAYS_MS: Final = (60_000, 120_000)
"""Between an attempt that failed and the next one."""

FIRST_REST_MS: Final = 1_000
LONGEST_REST_MS: Final = 300_000

GivenUp: TypeAlias = Literal["RetriesExhausted", "EventAgeExceeded"]
"""Why, in the words of Lambda's records of invocations."""


class Unavailable(ErrorObject, frozen=True):
    """Why a function was not run: whoever runs it cannot be reached, or has no place for it."""


class EventConfig(NamedTuple):
    """What may be done for an event: calls after the first one, and seconds since it was received."""

    retries: int = limits.MAX_EVENT_RETRIES
    max_age: int = limits.MAX_EVENT_AGE_SECONDS

    def expiry(self, received_at: int) -> int:
        """The moment after which the function is not called any more."""
        return received_at + self.max_age * 1000


DEFAULT_EVENT_CONFIG: Final = EventConfig()


class QueuedEvent(msgspec.Struct, frozen=True):
    """An event, as it is stored until the function has answered. Moments are epoch milliseconds."""

    id: str
    """The request's, the same for every attempt."""
    function: str
    payload: str | None
    tenant_id: str | None
    received_at: int
    due_at: int
    """When the function is called next."""
    failures: int = 0
    """Attempts that have failed."""


def decide_attempt_failed(
    event: QueuedEvent, error: ErrorObject, config: EventConfig, now: int
) -> QueuedEvent | GivenUp:
    """The event as it waits for the next attempt, or why there is none."""
    if isinstance(error, Unavailable):
        waited = now - event.received_at
        later = msgspec.structs.replace(event, due_at=now + min(max(waited, FIRST_REST_MS), LONGEST_REST_MS))
    elif event.failures >= config.retries:
        return "RetriesExhausted"
    else:
        due_at = now + DELAYS_MS[event.failures]
        later = msgspec.structs.replace(event, due_at=due_at, failures=event.failures + 1)
    return later if later.due_at <= config.expiry(event.received_at) else "EventAgeExceeded"
