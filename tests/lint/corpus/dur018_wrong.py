"""Operations that are there in one invocation and missing in the next."""

from datetime import timedelta

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


async def greet(ctx: DurableContext) -> None:
    await ctx.step("greet", work)


@durable_execution
async def on_replay(event: dict, ctx: DurableContext) -> None:
    if not ctx.is_replaying:  # DUR018
        await ctx.step("work", work)


@durable_execution
async def otherwise(event: dict, ctx: DurableContext) -> None:
    if ctx.is_replaying:  # DUR018
        pass
    else:
        await greet(ctx)


@durable_execution
async def by_the_time_left(event: dict, ctx: DurableContext) -> None:
    while ctx.remaining_time > timedelta(seconds=5):  # DUR018
        await ctx.step("work", work)


@durable_execution
async def in_an_expression(event: dict, ctx: DurableContext) -> None:
    await (ctx.step("a", work) if event and ctx.is_replaying else ctx.step("b", work))  # DUR018


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    if ctx.is_replaying:  # DUR018
        ctx.step("work", work)
