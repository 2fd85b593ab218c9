"""Names that stay: of the event, of positions, of what is recorded."""

import itertools
import time
import uuid

from durable_lambda import DurableContext, durable_execution

PREFIX = "orders"
PREFIX += "-v2"
ids = itertools.count()


async def work(*args: object) -> str:
    return str(time.time())


async def item(name: str, ctx: DurableContext) -> None:
    await ctx.step(f"work-{name}", work, name)


@durable_execution
async def of_the_event(event: dict, ctx: DurableContext) -> None:
    await ctx.step(f"{PREFIX}-{event['id']}", work)
    for number, line in enumerate(event["lines"]):
        await ctx.step(f"line-{number}-{line}", work)
    await ctx.map("items", event["items"], item, item_name=lambda name, index: f"{name}-{index}")


@durable_execution
async def of_results(event: dict, ctx: DurableContext) -> None:
    stamp = await ctx.step("stamp", time.time)
    await ctx.step(f"work-{stamp}", work)
    key = await ctx.step("key", lambda: str(uuid.uuid4()))
    await ctx.step(key, work)


@durable_execution
async def of_the_context(event: dict, ctx: DurableContext) -> None:
    now = await ctx.now()
    await ctx.step(f"work-{now:%Y}-{ctx.uuid()}-{ctx.random().random()}-{ctx.execution_name}", work)


@durable_execution
async def unnamed(event: dict, ctx: DurableContext) -> None:
    await ctx.step(None, work)
    await ctx.step("work", work, "arguments may change", await ctx.step("id", uuid.uuid4))


@durable_execution
async def of_sorted_sets(tags: set[str], ctx: DurableContext) -> None:
    await ctx.step("-".join(sorted(tags)), work)
    await ctx.step(f"{len(tags)} tags", work)
    await ctx.step("any" if "a" in tags else "none", work)


@durable_execution
async def of_a_parameter(event: dict, ctx: DurableContext, time: str = "now") -> None:
    await ctx.step(f"work-{time}", work)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    stamp = ctx.step("stamp", time.time)
    ctx.step(f"work-{stamp}", work)


@durable_execution
async def by_a_counter_of_the_function(event: dict, ctx: DurableContext) -> None:
    numbers = itertools.count(1)
    retries = 0
    for line in event["lines"]:
        retries += 1
        await ctx.step(f"line-{next(numbers)}-{retries}-{line}", work)


async def drawn() -> int:
    return next(ids)


@durable_execution
async def by_a_counter_that_a_step_reads(event: dict, ctx: DurableContext) -> None:
    await ctx.step(f"work-{await ctx.step('draw', drawn)}", work)
