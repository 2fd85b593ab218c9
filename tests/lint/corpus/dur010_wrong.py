"""Suspensions that are swallowed."""

import asyncio
import contextlib
from asyncio import CancelledError

from durable_lambda import DurableContext, Suspended, durable_execution


async def work(*args: object) -> None: ...


async def helper(ctx: DurableContext) -> None:
    await ctx.step("work", work)


@durable_execution
async def bare(event: dict, ctx: DurableContext) -> str:
    try:
        await ctx.step("work", work)
    except:  # DUR010
        return "failed"
    return "done"


@durable_execution
async def everything(event: dict, ctx: DurableContext) -> None:
    try:
        await asyncio.gather(ctx.step("a", work), ctx.step("b", work))
    except BaseException as error:  # DUR010
        ctx.logger.error("%s", error)


@durable_execution
async def cancelled(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.wait("pause", 5)
    except (ValueError, CancelledError):  # DUR010
        pass
    try:
        await helper(ctx)
    except asyncio.CancelledError:  # DUR010
        return


@durable_execution
async def suppressed(event: dict, ctx: DurableContext) -> None:
    with contextlib.suppress(BaseException):  # DUR010
        await ctx.step("work", work)
    with contextlib.suppress(ValueError, asyncio.CancelledError):  # DUR010
        await ctx.step("work", work)


@durable_execution
async def by_a_name(event: dict, ctx: DurableContext) -> None:
    operation = ctx.step("work", work)
    try:
        await operation
    except BaseException:  # DUR010
        pass


@durable_execution
async def in_a_loop(event: dict, ctx: DurableContext) -> None:
    while True:
        try:
            async with ctx.saga() as saga:
                await saga.step("work", work, compensate=work)
            break
        except ValueError:
            continue
        except BaseException:  # DUR010
            continue


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    try:
        ctx.step("work", work)
    except Suspended:  # DUR010
        pass


@durable_execution
async def in_groups(event: dict, ctx: DurableContext) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step("work", work))
    except* BaseException:  # DUR010
        pass
