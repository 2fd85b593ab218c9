"""Steps that take values, and contexts where they belong."""

from functools import partial

from durable_lambda import DurableContext, current_step, durable_execution


async def work(*args: object) -> None:
    current_step().logger.info("x")


async def child(order: str, ctx: DurableContext) -> None:
    await ctx.step("work", work, order)


@durable_execution
async def values(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, event, ctx.execution_arn, ctx.remaining_time)
    await ctx.step("work", partial(work, ctx.uuid()))


@durable_execution
async def children(event: dict, ctx: DurableContext) -> None:
    await ctx.run_in_child_context("child", child, "a")
    await ctx.map("all", ["a"], child)


@durable_execution
async def helpers(event: dict, ctx: DurableContext) -> None:
    await child("a", ctx)


@durable_execution
async def results(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, await ctx.step("first", work))


@durable_execution
async def something_named_ctx(event: dict, ctx: DurableContext) -> None:
    async def body(ctx: dict) -> None: ...

    await ctx.step("work", body, event)


@durable_execution
async def the_logger(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, ctx.logger)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work, event)
