"""Races and deadlines that nobody records."""

import asyncio
from asyncio import FIRST_COMPLETED, wait_for
from asyncio import wait as wait_for_any

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> str:
    return ""


async def branch(ctx: DurableContext) -> str:
    return await ctx.step("work", work)


@durable_execution
async def deadlines(event: dict, ctx: DurableContext) -> None:
    await wait_for(ctx.step("work", work), timeout=5)  # DUR011
    await asyncio.wait_for(branch(ctx), 5)  # DUR011
    async with asyncio.timeout(30):  # DUR011
        await ctx.step("work", work)
    async with asyncio.timeout_at(30):  # DUR011
        await branch(ctx)


@durable_execution
async def first_ones(event: dict, ctx: DurableContext) -> None:
    tasks = [asyncio.create_task(branch(ctx)) for _ in range(2)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # DUR011
    await wait_for_any([ctx.step("a", work), ctx.step("b", work)], return_when=FIRST_COMPLETED)  # DUR011
    await asyncio.wait(tasks, return_when="FIRST_EXCEPTION")  # DUR011
    await asyncio.wait(tasks, timeout=5)  # DUR011


@durable_execution
async def completed(event: dict, ctx: DurableContext) -> None:
    for each in asyncio.as_completed([ctx.step("a", work), ctx.step("b", work)]):  # DUR011
        await each


@durable_execution
async def by_a_name(event: dict, ctx: DurableContext) -> None:
    operation = ctx.step("work", work)
    await asyncio.wait_for(operation, 5)  # DUR011
    pending = set()
    pending.add(asyncio.ensure_future(branch(ctx)))
    await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)  # DUR011


@durable_execution
async def in_a_branch(event: dict, ctx: DurableContext) -> None:
    async def inner(ctx: DurableContext) -> None:
        async with asyncio.timeout(5):  # DUR011
            await ctx.wait("pause", 60)

    await ctx.run_in_child_context("inner", inner)


@durable_execution
async def around_a_gather(event: dict, ctx: DurableContext) -> None:
    await asyncio.wait_for(asyncio.gather(ctx.step("a", work), ctx.step("b", work)), 5)  # DUR011
