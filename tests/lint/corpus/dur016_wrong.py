"""Contexts that get into steps."""

from functools import partial

from durable_lambda import DurableContext, durable_execution


async def work(*args: object, **options: object) -> None: ...


async def annotated(order: str, ctx: DurableContext) -> None: ...


def in_quotes(ctx: "DurableContext") -> None: ...


@durable_execution
async def as_an_argument(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, event, ctx)  # DUR016
    c = ctx
    await ctx.step("work", work, c)  # DUR016


@durable_execution
async def bound(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", partial(work, ctx))  # DUR016
    await ctx.step("work", partial(work, context=ctx))  # DUR016
    await ctx.step("work", lambda ctx=ctx: work())  # DUR016


@durable_execution
async def in_the_signature(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", annotated, event)  # DUR016
    await ctx.step("work", in_quotes)  # DUR016


@durable_execution
async def to_a_submitter(event: dict, ctx: DurableContext) -> None:
    await ctx.wait_for_callback("answer", work, ctx)  # DUR016


@durable_execution
async def to_a_saga(event: dict, ctx: DurableContext) -> None:
    async with ctx.saga() as saga:
        await saga.step("work", work, ctx, compensate=work)  # DUR016


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work, ctx)  # DUR016
