"""with_retry: a block of operations, tried again as a whole. A trip is tried with one hotel after the other.

    $ durable run with_retry.py:plan_trip --event '{"city": "Oslo", "hotels": ["Grand", "Ritz", "Harbour"]}' --skip-time
    ✓ trip  run_in_child_context  succeeded
    ✓ train  step  succeeded
    ✗ room  step  failed … no room at the Grand
    ✓ trip-backoff-1  wait  succeeded
    "a train to Oslo and a room at the Harbour"

Every attempt has new operations, and all of them stay in the history. The waits between them are durable. For a single
step there is `ctx.step(…, retry=)`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from durable_lambda import DurableContext, Retry, durable_execution


@dataclass
class Trip:
    city: str
    hotels: list[str]


class NoRoom(Exception):
    """Another hotel may have one."""


@durable_execution
async def plan_trip(trip: Trip, ctx: DurableContext) -> str:
    # When the function is run again, so is each attempt, over what is recorded of it: the hotels come in that order.
    hotels = iter(trip.hotels)
    policy = Retry(max_attempts=len(trip.hotels), initial_delay=60, retry_on=NoRoom)
    try:
        return await ctx.with_retry("trip", book, trip.city, hotels, retry=policy)
    except NoRoom as error:
        return f"stays at home: {error}"


async def book(city: str, hotels: Iterator[str], ctx: DurableContext) -> str:
    train = await ctx.step("train", look_up_train, city)
    room = await ctx.step("room", look_up_room, next(hotels), retry=0)
    return f"{train} and {room}"


async def look_up_train(city: str) -> str:
    return f"a train to {city}"


async def look_up_room(hotel: str) -> str:
    if hotel != "Harbour":
        raise NoRoom(f"no room at the {hotel}")
    return f"a room at the {hotel}"
