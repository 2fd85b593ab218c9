"""Suite `child`: contexts with ids of their own, what they return, raise and replay."""

from __future__ import annotations

import logging
import time
from typing import Any

from durable_lambda import DurableContext, Retry, current_step
from handlers.entry import crash, durable, is_first_time
from handlers.step import UpperCase, fail


def same(value: str) -> str:
    return value


async def one_step(value: str, ctx: DurableContext) -> str:
    return await ctx.step("same", same, value)


async def failing_step(ctx: DurableContext) -> None:
    await ctx.step("fail", fail, retry=Retry.none())


async def step_and_wait(value: str, ctx: DurableContext) -> str:
    result = await ctx.step("same", same, value)
    await ctx.wait("pause", 1)
    return result


@durable
async def step_inside(event: str, ctx: DurableContext) -> str:
    return await ctx.run_in_child_context("child", one_step, event)


@durable
async def named_by_the_input(event: dict[str, str], ctx: DurableContext) -> str:
    return await ctx.run_in_child_context(event["name"], one_step, event["value"])


@durable
async def two_steps(event: str, ctx: DurableContext) -> str:
    async def child(ctx: DurableContext) -> str:
        return await ctx.step("second", same, await ctx.step("first", same, event))

    return await ctx.run_in_child_context("child", child)


@durable
async def failure(event: Any, ctx: DurableContext) -> None:
    await ctx.run_in_child_context("child", failing_step)


@durable
async def failure_caught(event: str, ctx: DurableContext) -> str:
    try:
        await ctx.run_in_child_context("child", failing_step)
    except RuntimeError:
        return await ctx.step("recover", same, event)
    return "nothing was raised"


@durable
async def nested(event: str, ctx: DurableContext) -> str:
    async def outer(ctx: DurableContext) -> str:
        await ctx.step("outer step", same, event)
        return await ctx.run_in_child_context("inner", one_step, event)

    return await ctx.run_in_child_context("outer", outer)


@durable
async def retried_step(event: str, ctx: DurableContext) -> str:
    def second_time() -> str:
        if current_step().attempt == 1:
            raise RuntimeError("not yet")
        return event

    async def child(ctx: DurableContext) -> str:
        return await ctx.step("flaky", second_time, retry=Retry.fixed(max_attempts=3, delay=1))

    return await ctx.run_in_child_context("child", child)


@durable
async def retries_exhausted(event: Any, ctx: DurableContext) -> None:
    async def child(ctx: DurableContext) -> None:
        await ctx.step("fail", fail, retry=Retry.fixed(max_attempts=2, delay=1))

    await ctx.run_in_child_context("child", child)


@durable
async def replayed(event: str, ctx: DurableContext) -> str:
    result = await ctx.run_in_child_context("child", one_step, event)
    await ctx.wait("pause", 1)
    return result


@durable
async def step_and_wait_inside(event: str, ctx: DurableContext) -> str:
    return await ctx.run_in_child_context("child", step_and_wait, event)


@durable
async def large_result(event: str, ctx: DurableContext) -> str:
    async def child(ctx: DurableContext) -> str:
        # Not `ctx.logger`, which is silent while it replays: this is to show that the body runs once more.
        fields = {"executionArn": ctx.execution_arn}
        logging.getLogger("conformance").info("building a large result from %s", event, extra=fields)
        return await ctx.step("same", same, event) + "." * 300_000

    result = await ctx.run_in_child_context("child", child)
    await ctx.wait("pause", 1)
    return str(len(result))


@durable
async def crash_inside(event: str, ctx: DurableContext) -> str:
    arn = ctx.execution_arn

    def die_once() -> str:
        if is_first_time(arn):
            time.sleep(1)  # by now it is stored that the attempt has begun
            crash()
        return event

    async def child(ctx: DurableContext) -> str:
        return await ctx.step("die once", die_once)

    return await ctx.run_in_child_context("child", child)


@durable
async def wait_inside(event: str, ctx: DurableContext) -> str:
    async def child(ctx: DurableContext) -> str:
        await ctx.wait("pause", 1)
        return event

    return await ctx.step("same", same, await ctx.run_in_child_context("child", child))


@durable
async def own_codec(event: str, ctx: DurableContext) -> str:
    return await ctx.run_in_child_context("child", one_step, event, codec=UpperCase())


@durable
async def raises_directly(event: Any, ctx: DurableContext) -> None:
    async def child(ctx: DurableContext) -> None:
        raise RuntimeError("raised outside of any step")

    await ctx.run_in_child_context("child", child)


@durable
async def returns_nothing(event: Any, ctx: DurableContext) -> None:
    async def child(ctx: DurableContext) -> None:
        return None

    return await ctx.run_in_child_context("child", child)


@durable
async def logs_once(event: str, ctx: DurableContext) -> str:
    async def child(ctx: DurableContext) -> str:
        fields = {"executionArn": ctx.execution_arn}
        logging.getLogger("conformance").info("the child's body runs for %s", event, extra=fields)
        return event

    result = await ctx.run_in_child_context("child", child)
    await ctx.wait("pause", 1)
    return result


@durable
async def inside_and_after(event: str, ctx: DurableContext) -> str:
    result = await ctx.run_in_child_context("child", step_and_wait, event)
    result = await ctx.step("outer step", same, result)
    await ctx.wait("outer pause", 1)
    return result
