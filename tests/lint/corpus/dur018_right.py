"""What may depend on a replay, and what operations may depend on."""

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def for_metrics(event: dict, ctx: DurableContext) -> None:
    if not ctx.is_replaying:
        event["metrics"].count("begun")
    await ctx.step("work", work)


@durable_execution
async def patched(event: dict, ctx: DurableContext) -> None:
    if ctx.patched("greet"):
        await ctx.step("greet", work)


@durable_execution
async def on_the_event(event: dict, ctx: DurableContext) -> None:
    if event["is_replaying"]:
        await ctx.step("work", work)


@durable_execution
async def as_an_argument(event: dict, ctx: DurableContext) -> None:
    ctx.logger.info("%s %s", ctx.is_replaying, ctx.remaining_time)
    await ctx.step("work", work, ctx.execution_name)


@durable_execution
async def of_something_else(event: dict, ctx: DurableContext) -> None:
    player = event["player"]
    if player.is_replaying:
        await ctx.step("work", work)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    if ctx.is_replaying:
        event["seen"] = True
    ctx.step("work", work)
