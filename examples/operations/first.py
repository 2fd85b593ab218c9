"""first: who is first wins, and the others are cancelled. A guest gets the first taxi that is free.

    $ durable run first.py:call_taxi --event '"Main Station"' --skip-time
    ✓ taxi  parallel  succeeded
    ✓ radio  branch  succeeded
    ○ union  branch  not finished
    ✗ airport  branch  failed … no taxi is free
    "the driver of radio is at Main Station"

Who was first is recorded, so a replay comes to the same taxi. `asyncio.wait(…, FIRST_COMPLETED)` over operations
records nothing, and may decide otherwise when the function is run again.
"""

from durable_lambda import BatchError, DurableContext, durable_execution


@durable_execution
async def call_taxi(place: str, ctx: DurableContext) -> str:
    async def radio(ctx: DurableContext) -> str:
        return await drive(place, 4, ctx)

    async def union(ctx: DurableContext) -> str:
        return await drive(place, 9, ctx)

    async def airport(ctx: DurableContext) -> str:
        raise LookupError("no taxi is free")  # a branch that fails does not win

    try:
        company, arrival = await ctx.first("taxi", radio=radio, union=union, airport=airport)
    except BatchError:  # none of them has succeeded
        return f"nobody comes to {place}"
    return f"the driver of {company} {arrival}"


async def drive(place: str, minutes: int, ctx: DurableContext) -> str:
    await ctx.wait("drive", minutes * 60)
    return await ctx.step("arrive", arrive, place)


async def arrive(place: str) -> str:
    return f"is at {place}"
