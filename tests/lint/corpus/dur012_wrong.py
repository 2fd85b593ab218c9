"""Sleeps in durable code."""

import asyncio
import time
from asyncio import sleep
from time import sleep as pause

from durable_lambda import DurableContext, durable_execution


async def work() -> None: ...


async def back_off(attempt: int) -> None:
    await asyncio.sleep(2**attempt)  # DUR012


@durable_execution
async def asynchronous(event: dict, ctx: DurableContext) -> None:
    await asyncio.sleep(5)  # DUR012
    await sleep(event["seconds"])  # DUR012


@durable_execution
async def a_retry_by_hand(event: dict, ctx: DurableContext) -> None:
    for attempt in range(3):
        try:
            await ctx.step("work", work, retry=0)
            break
        except ValueError:
            await back_off(attempt)


@durable_execution
async def in_a_branch(event: dict, ctx: DurableContext) -> None:
    async def branch(ctx: DurableContext) -> None:
        await asyncio.sleep(1)  # DUR012
        await ctx.step("work", work)

    await ctx.parallel("both", [branch, branch])


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    time.sleep(5)  # DUR012
    pause(1)  # DUR012


@durable_execution
async def in_a_gather(event: dict, ctx: DurableContext) -> None:
    await asyncio.gather(ctx.step("work", work), asyncio.sleep(5))  # DUR012
