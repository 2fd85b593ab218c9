"""What a `finally` may do, and what does instead of it."""

import asyncio

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def saga(event: dict, ctx: DurableContext) -> None:
    async with ctx.saga() as saga:
        await saga.step("work", work, compensate=work)


@durable_execution
async def undone_and_raised(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    except Exception:
        await ctx.step("undo", work)
        raise
    else:
        await ctx.step("confirm", work)


@durable_execution
async def lets_go(event: dict, ctx: DurableContext) -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    try:
        await ctx.step("work", work)
    finally:
        lock.release()


@durable_execution
async def around_nothing_durable(event: dict, ctx: DurableContext) -> int:
    try:
        number = int(event["number"])
    finally:
        await ctx.step("work", work)
    return number


@durable_execution
async def in_a_body(event: dict, ctx: DurableContext) -> None:
    async def body() -> str:
        try:
            await work()
        finally:
            return "done"

    await ctx.step("body", body)


@durable_execution
async def a_loop_of_its_own(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    finally:
        for name in event:
            if name:
                break


@durable_execution
async def defined_in_it(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    finally:

        def told() -> str:
            return "done"

        told()


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    try:
        ctx.step("work", work)
    finally:
        event.clear()
