"""now, uuid, random, patched: time, ids and numbers that a replay repeats. A raffle is drawn, once and for all.

    $ durable run deterministic_values.py:draw_raffle --event '["Ada", "Grace", "Edsger"]' --skip-time
    ✓ now  now  succeeded
    ✓ tell-the-losers  patched  succeeded
    {
      "ticket": "…",
      "winner": "…",
      "drawn": "…",
      "told": 3
    }

The function is run again after the wait. `datetime.now()`, `uuid4()` and `random` would give something else then, and
the winner would have changed overnight.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from durable_lambda import DurableContext, durable_execution


@dataclass
class Draw:
    ticket: UUID
    winner: str
    drawn: datetime
    told: int


@durable_execution
async def draw_raffle(people: list[str], ctx: DurableContext) -> Draw:
    drawn = await ctx.now()  # recorded: the time when the function first came here
    ticket = ctx.uuid()  # drawn from this place in this execution: needs no record
    winner = ctx.random().choice(people)
    await ctx.wait("overnight", timedelta(hours=12))

    told = 0
    losers = [person for person in people if person != winner]
    # Added when raffles were under way already: those that had passed this place go on without it.
    if ctx.patched("tell-the-losers"):
        for person in losers:
            told += await ctx.step(f"tell {person}", tell, person, "lost")
    told += await ctx.step(f"tell {winner}", tell, winner, "won")
    return Draw(ticket, winner, drawn, told)


async def tell(person: str, outcome: str) -> int:
    return 1 if person and outcome else 0
