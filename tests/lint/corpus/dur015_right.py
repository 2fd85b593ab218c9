"""Names that tell operations apart, or that only one of two ways uses."""

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def different(event: dict, ctx: DurableContext) -> None:
    await ctx.step("one", work)
    await ctx.step("two", work)


@durable_execution
async def in_two_ways(event: dict, ctx: DurableContext) -> None:
    if event:
        await ctx.step("work", work, 1)
    else:
        await ctx.step("work", work, 2)
    match event:
        case {"a": 1}:
            await ctx.wait("pause", 5)
        case _:
            await ctx.wait("pause", 6)


@durable_execution
async def of_other_kinds(event: dict, ctx: DurableContext) -> None:
    await ctx.step("approval", work)
    await ctx.create_callback("approval")


@durable_execution
async def built(event: dict, ctx: DurableContext) -> None:
    for number in range(3):
        await ctx.step(f"work-{number}", work)
        await ctx.step(f"work-{number}", work)


async def child(ctx: DurableContext) -> None:
    await ctx.step("work", work)


@durable_execution
async def in_other_functions(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work)
    await ctx.run_in_child_context("child", child)


@durable_execution
async def unnamed(event: dict, ctx: DurableContext) -> None:
    await ctx.step(None, work)
    await ctx.step(None, work)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("one", work)
    ctx.step("two", work)
