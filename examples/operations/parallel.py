"""parallel: different things side by side. Three carriers are asked for a quote; one of them does not answer.

    $ durable run parallel.py:cheapest_quote --event '{"city": "Oslo", "grams": 1200}'
    ✓ quotes  parallel  succeeded
    ✗ ship  branch  failed … no answer from the port
    {
      "carrier": "train",
      "cents": 1220,
      "asked": 3,
      "no_answer": [
        "ship"
      ]
    }

A branch that fails raises nothing by itself: the result tells what became of each. `Completion` says how many may fail;
by default the first failure decides the batch, and `results()` raises it.
"""

from dataclasses import dataclass

from durable_lambda import Completion, DurableContext, durable_execution


@dataclass
class Parcel:
    city: str
    grams: int


@dataclass
class Quote:
    carrier: str
    cents: int
    asked: int
    no_answer: list[str | None]


@durable_execution
async def cheapest_quote(parcel: Parcel, ctx: DurableContext) -> Quote:
    async def train(ctx: DurableContext) -> int:
        return await ctx.step("ask", ask_train, parcel)

    async def plane(ctx: DurableContext) -> int:
        return await ctx.step("ask", ask_plane, parcel)

    async def ship(ctx: DurableContext) -> int:
        return await ctx.step("ask", ask_port, parcel, retry=0)

    quotes = await ctx.parallel(
        "quotes", {"train": train, "plane": plane, "ship": ship}, completion=Completion.all_completed()
    )
    cents, carrier = min((item.result or 0, item.name or "") for item in quotes.succeeded)
    return Quote(carrier, cents, quotes.total_count, [item.name for item in quotes.failed])


async def ask_train(parcel: Parcel) -> int:
    return 500 + parcel.grams * 6 // 10


async def ask_plane(parcel: Parcel) -> int:
    return 2500 + parcel.grams


async def ask_port(parcel: Parcel) -> int:
    raise ConnectionError("no answer from the port")
