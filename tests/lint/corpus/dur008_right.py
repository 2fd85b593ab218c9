"""Operations that are awaited, now or later, or need not be."""

import asyncio

from durable_lambda import DurableContext, SyncDurableContext, durable_execution


async def work(*args: object) -> str:
    return ""


async def child(ctx: DurableContext) -> None:
    await ctx.step("work", work)


@durable_execution
async def at_once_and_later(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work)
    one, two = ctx.step("one", work), ctx.step("two", work)
    three = ctx.step("three", work)
    await asyncio.gather(one, two, three, *[ctx.step("more", work) for _ in range(3)])
    operations = [ctx.step(name, work) for name in event["names"]]
    operations.append(ctx.wait("pause", 5))
    await asyncio.gather(*operations)


@durable_execution
async def in_a_group(event: dict, ctx: DurableContext) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(ctx.step("work", work))
        task = group.create_task(child(ctx))
        task.add_done_callback(print)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> str:
    ctx.step("work", work)
    ctx.wait("pause", 5)
    result = ctx.step("unused", work)
    if ctx.step("ready", work):
        return f"{ctx.step('text', work)}"
    with ctx.saga() as saga:
        saga.step("work", work, compensate=work)
    return ctx.step("work", work)


def helper(ctx: SyncDurableContext) -> None:
    ctx.step("work", work)


@durable_execution
async def what_is_no_operation(event: dict, ctx: DurableContext) -> None:
    ctx.uuid()
    ctx.random()
    ctx.patched("change")
    ctx.logger.info("x")
    saga = ctx.saga()


def started(name: str, ctx: DurableContext):
    return ctx.step(name, work)


@durable_execution
async def by_a_function(event: dict, ctx: DurableContext) -> None:
    await started("a", ctx)
    operation = started("b", ctx)

    async def later() -> None:
        await operation

    await later()


@durable_execution
async def returned_from_a_lambda(event: dict, ctx: DurableContext) -> list:
    batch = await ctx.parallel("both", [lambda ctx: ctx.step("a", work), lambda ctx: ctx.step("b", work)])
    return batch.results()


@durable_execution
async def compared_by_identity(event: dict, ctx: DurableContext) -> None:
    operation = ctx.step("work", work)
    if operation is not None:
        await operation


class Held:
    def __init__(self, ctx: DurableContext) -> None:
        self.operation = ctx.step("work", work)

    async def result(self) -> str:
        return await self.operation


@durable_execution
async def something_else(event: dict, ctx: DurableContext) -> None:
    wizard = event["wizard"]
    wizard.step("next", work)
