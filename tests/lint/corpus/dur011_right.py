"""Deadlines and races that are recorded, and waiting that decides nothing."""

import asyncio

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> str:
    async with asyncio.timeout(5):
        return await asyncio.wait_for(asyncio.sleep(1, "x"), 2)


async def branch(ctx: DurableContext) -> str:
    return await ctx.step("work", work, timeout=5)


@durable_execution
async def recorded(event: dict, ctx: DurableContext) -> None:
    await ctx.timeout("limit", 30, branch)
    await ctx.first("race", a=branch, b=branch)
    await ctx.step("work", work, timeout=30)


@durable_execution
async def for_all(event: dict, ctx: DurableContext) -> None:
    await asyncio.gather(branch(ctx), branch(ctx))
    tasks = [asyncio.create_task(branch(ctx)) for _ in range(2)]
    await asyncio.wait(tasks)
    await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED)
    await asyncio.wait(tasks, timeout=None)


@durable_execution
async def without_a_limit(event: dict, ctx: DurableContext) -> None:
    await asyncio.wait_for(ctx.step("work", work), None)
    async with asyncio.TaskGroup() as group:
        group.create_task(branch(ctx))


@durable_execution
async def in_a_body(event: dict, ctx: DurableContext) -> None:
    async def body() -> None:
        async with asyncio.timeout(5):
            await work()
        await asyncio.wait([asyncio.ensure_future(work())], return_when=asyncio.FIRST_COMPLETED)

    await ctx.step("body", body)


@durable_execution
async def around_nothing_durable(event: dict, ctx: DurableContext) -> None:
    async with asyncio.timeout(5):
        event["x"] += 1
    await ctx.step("work", work)


@durable_execution
async def an_event_between_branches(event: dict, ctx: DurableContext) -> None:
    ready = asyncio.Event()

    async def waits() -> None:
        await ready.wait()

    async def works() -> None:
        await ctx.step("work", work)
        ready.set()

    await asyncio.gather(waits(), works())


async def not_durable() -> None:
    await asyncio.wait_for(work(), 5)


@durable_execution
async def of_results(event: dict, ctx: DurableContext) -> None:
    url = await ctx.step("work", work)
    await ctx.step("fetch", lambda: asyncio.wait_for(asyncio.sleep(1, url), 5))


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> tuple:
    winner, result = ctx.first("race", a=lambda ctx: ctx.step("a", work), b=lambda ctx: ctx.step("b", work))
    return winner, ctx.timeout("limit", 30, lambda ctx: ctx.step("work", work))
