"""saga: what was done is undone, in reverse order, when a later step fails. A trip is all booked, or not at all.

    $ durable run saga.py:book_trip --event '{"who": "Ada", "city": "Oslo"}'
    ✓ flight  step  succeeded
    ✓ car  step  succeeded
    ✗ hotel  step  failed … no room in Oslo
    ✓ saga compensations  run_in_child_context  succeeded
    "Ada stays at home: no room in Oslo"

Undoing is a durable step, too: it is tried again when it fails, and a crash in the middle goes on with what is left to
undo. `durable show` has each of them.
"""

from dataclasses import dataclass

from durable_lambda import CompensationError, DurableContext, durable_execution


@dataclass
class Trip:
    who: str
    city: str


class NoRoom(Exception):
    """The hotel is full."""


@durable_execution
async def book_trip(trip: Trip, ctx: DurableContext) -> str:
    try:
        async with ctx.saga() as saga:
            flight = await saga.step("flight", book_flight, trip, compensate=cancel)
            car = await saga.step("car", book_car, trip, compensate=cancel)
            hotel = await saga.step("hotel", book_hotel, trip, compensate=cancel, retry=0)
    except NoRoom as error:  # what the block failed with; flight and car are cancelled by now
        return f"{trip.who} stays at home: {error}"
    except CompensationError as error:  # something could not be undone
        return f"somebody has to look after the trip of {trip.who}: {error}"
    return f"{trip.who} travels: {flight}, {car}, {hotel}"


async def book_flight(trip: Trip) -> str:
    return f"flight-to-{trip.city}"


async def book_car(trip: Trip) -> str:
    return f"car-in-{trip.city}"


async def book_hotel(trip: Trip) -> str:
    raise NoRoom(f"no room in {trip.city}")


async def cancel(booking: str, trip: Trip) -> None:
    """Gets what the step returned, and then the step's own arguments."""
    assert booking.endswith(trip.city)
