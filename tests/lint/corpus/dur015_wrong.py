"""Names that two operations of a function have."""

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def twice(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work)
    await ctx.step("work", work)  # DUR015


@durable_execution
async def three_times(event: dict, ctx: DurableContext) -> None:
    await ctx.wait("pause", 5)
    await ctx.wait("pause", 6)  # DUR015
    await ctx.wait("pause", 7)  # DUR015


@durable_execution
async def after_an_if(event: dict, ctx: DurableContext) -> None:
    if event:
        await ctx.step("work", work)
    await ctx.step("work", work)  # DUR015


@durable_execution
async def in_one_way(event: dict, ctx: DurableContext) -> None:
    if event:
        await ctx.step("work", work)
        await ctx.step("work", work)  # DUR015


@durable_execution
async def of_a_saga(event: dict, ctx: DurableContext) -> None:
    async with ctx.saga() as saga:
        await saga.step("work", work, compensate=work)
        await saga.step("work", work, compensate=work)  # DUR015


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work)
    ctx.step("work", work)  # DUR015
