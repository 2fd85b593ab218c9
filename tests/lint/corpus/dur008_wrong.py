"""Operations that nobody awaits."""

import asyncio

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> str:
    return ""


async def child(ctx: DurableContext) -> None:
    await ctx.step("work", work)


@durable_execution
async def dropped(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work)  # DUR008
    ctx.wait("pause", 5)  # DUR008
    [ctx.step("work", work, name) for name in event["names"]]  # DUR008
    ctx.now()  # DUR008
    ctx.run_in_child_context("child", child)  # DUR008


@durable_execution
async def forgotten(event: dict, ctx: DurableContext) -> None:
    result = ctx.step("work", work)  # DUR008
    _ = ctx.wait("pause", 5)  # DUR008
    handle: object = ctx.create_callback("answer")  # DUR008


@durable_execution
async def used_as_its_result(event: dict, ctx: DurableContext) -> None:
    handle = await ctx.create_callback("answer")
    if ctx.callback_result(handle, bool):  # DUR008
        await ctx.step("work", work)
    while not ctx.step("ready", work):  # DUR008
        await ctx.wait("pause", 5)
    await ctx.step("work", work, f"{ctx.step('text', work)}")  # DUR008
    await ctx.step("work", work, ctx.step("list", work)[0])  # DUR008
    for item in ctx.step("items", work):  # DUR008
        await ctx.step("work", work, item)


@durable_execution
async def returned(event: dict, ctx: DurableContext) -> str:
    return ctx.step("work", work)  # DUR008


@durable_execution
async def coroutines(event: dict, ctx: DurableContext) -> None:
    child(ctx)  # DUR008
    pending = child(ctx)  # DUR008


@durable_execution
async def of_a_saga(event: dict, ctx: DurableContext) -> None:
    async with ctx.saga() as saga:
        saga.step("work", work, compensate=work)  # DUR008
        saga.run_compensations()  # DUR008


@durable_execution
async def through_another_name(event: dict, ctx: DurableContext) -> None:
    step = ctx.step
    step("work", work)  # DUR008

    async def branch(context: DurableContext) -> None:
        context.step("work", work)  # DUR008

    await asyncio.gather(branch(ctx))
