"""invoke: another function does it, with a history and time-outs of its own. A shop asks for a quote for the shipping.

    $ durable run invoke.py:check_out --event '{"city": "Oslo", "grams": 1200}' --skip-time
    ✓ shipping  invoke  succeeded
    {
      "carrier": "post",
      "cents": 1740
    }

`durable run` hosts all durable functions of this file, so `quote_shipping` is found by its name. On AWS it is another
Lambda function, named with its version or alias: `"quote_shipping:live"`. `durable list` shows both executions.
"""

from dataclasses import dataclass

from durable_lambda import DurableContext, InvokeError, durable_execution


@dataclass
class Basket:
    city: str
    grams: int


@dataclass
class Quote:
    carrier: str
    cents: int


@durable_execution
async def check_out(basket: Basket, ctx: DurableContext) -> Quote:
    try:
        return await ctx.invoke("shipping", "quote_shipping", basket, result_type=Quote)
    except InvokeError:  # it failed, timed out, was stopped, or does not exist
        return Quote("pick it up", 0)


@durable_execution
async def quote_shipping(basket: Basket, ctx: DurableContext) -> Quote:
    distance = await ctx.step("distance", look_up_distance, basket.city)
    await ctx.wait("the carrier thinks", 60)
    return Quote("post", distance + basket.grams // 5)


async def look_up_distance(city: str) -> int:
    return {"Oslo": 1500}.get(city, 5000)
