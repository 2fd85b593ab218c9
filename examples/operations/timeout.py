"""timeout: so long, and no longer. A guest who has waited for half an hour gets a voucher instead.

    $ durable run timeout.py:serve --event '{"dish": "roast", "minutes": 45}' --skip-time
    ✓ patience  parallel  succeeded
    "sorry: no roast within 30 minutes, here is a voucher"

Whether it was done in time is recorded, so a replay comes to the same. It bounds any number of operations, waits and
callbacks among them; for one attempt of a step there is `ctx.step(…, timeout=)`.
"""

from dataclasses import dataclass
from datetime import timedelta

from durable_lambda import DurableContext, durable_execution


@dataclass
class Order:
    dish: str
    minutes: int


@durable_execution
async def serve(order: Order, ctx: DurableContext) -> str:
    try:
        return await ctx.timeout("patience", timedelta(minutes=30), cook, order)
    except TimeoutError:  # `cook` is cancelled
        return f"sorry: no {order.dish} within 30 minutes, here is a voucher"


async def cook(order: Order, ctx: DurableContext) -> str:
    await ctx.wait("in the oven", timedelta(minutes=order.minutes))
    return await ctx.step("plate up", plate_up, order.dish)


async def plate_up(dish: str) -> str:
    return f"{dish}, enjoy"
