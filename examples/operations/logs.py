"""logger: a line is logged once, however often the function is run again. A plant is watered, and its diary kept.

    $ durable run logs.py:water --event '"basil"' --skip-time
    INFO watering basil, day 1
    INFO watering basil, day 2
    "basil was watered on 2 days"

After each wait the function is run from the top. `ctx.logger` is silent while it runs over what it has done before;
`print` and a logger of your own are not. In a step's body `current_step().logger` knows the attempt.
"""

from datetime import timedelta

from durable_lambda import DurableContext, current_step, durable_execution


@durable_execution
async def water(plant: str, ctx: DurableContext) -> str:
    days = 2
    for day in range(1, days + 1):
        ctx.logger.info("watering %s, day %d", plant, day)
        await ctx.step(f"day {day}", pour, plant)
        await ctx.wait(f"night {day}", timedelta(hours=24))
    return f"{plant} was watered on {days} days"


async def pour(plant: str) -> int:
    step = current_step()
    step.logger.debug("attempt %d for %s", step.attempt, plant)
    return 200  # millilitres
