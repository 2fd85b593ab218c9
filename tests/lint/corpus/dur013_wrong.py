"""What a `finally` may not do."""

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


async def clean_up(ctx: DurableContext) -> None:
    await ctx.step("clean up", work)


@durable_execution
async def operations(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    finally:
        await ctx.step("clean up", work)  # DUR013


@durable_execution
async def by_a_function(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.wait("pause", 5)
    except ValueError:
        pass
    finally:
        if event:
            await clean_up(ctx)  # DUR013


@durable_execution
async def returns(event: dict, ctx: DurableContext) -> str:
    try:
        await ctx.step("work", work)
    finally:
        return "done"  # DUR013


@durable_execution
async def leaves_a_loop(event: dict, ctx: DurableContext) -> None:
    for _ in range(3):
        try:
            await ctx.step("work", work)
        finally:
            break  # DUR013
    while True:
        try:
            await clean_up(ctx)
        finally:
            continue  # DUR013


@durable_execution
async def nested(event: dict, ctx: DurableContext) -> None:
    try:
        async with ctx.batch_checkpoints():
            await ctx.step("work", work)
    finally:
        for _ in range(2):
            await ctx.wait("pause", 5)  # DUR013


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    try:
        ctx.step("work", work)
    finally:
        ctx.step("clean up", work)  # DUR013
