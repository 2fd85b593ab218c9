"""Exceptions that are caught as they should be."""

import asyncio
import contextlib

from durable_lambda import DurableContext, StepError, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def exceptions(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    except (StepError, ValueError):
        pass
    except Exception:
        pass
    with contextlib.suppress(Exception):
        await ctx.step("work", work)


@durable_execution
async def raised_again(event: dict, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    except BaseException:
        ctx.logger.error("failed")
        raise
    try:
        await ctx.step("work", work)
    except asyncio.CancelledError:
        raise
    except BaseException:
        pass


@durable_execution
async def cancelled_by_itself(event: dict, ctx: DurableContext) -> None:
    task = asyncio.ensure_future(ctx.step("slow", work))
    await ctx.step("work", work)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass


@durable_execution
async def in_a_body(event: dict, ctx: DurableContext) -> None:
    async def body() -> None:
        try:
            await work()
        except BaseException:
            pass

    await ctx.step("body", body)


@durable_execution
async def around_nothing_durable(event: dict, ctx: DurableContext) -> int:
    try:
        return int(event["number"])
    except BaseException:
        return 0


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext) -> None:
    class CancelledError(Exception): ...

    try:
        await ctx.step("work", work)
    except CancelledError:
        pass


@durable_execution
async def results_of_all(event: dict, ctx: DurableContext) -> None:
    await asyncio.gather(ctx.step("a", work), ctx.step("b", work), return_exceptions=True)


@durable_execution
async def an_operation_in_a_function_that_is_only_defined(event: dict, ctx: DurableContext) -> None:
    try:
        async def later() -> None:
            await ctx.step("work", work)
    except BaseException:
        return
    await later()


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    try:
        ctx.step("work", work)
    except Exception:
        pass
