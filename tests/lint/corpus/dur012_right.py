"""Time that passes as it should."""

import asyncio
import time

from durable_lambda import DurableContext, durable_execution


async def slow() -> None:
    await asyncio.sleep(5)


def slow_on_a_thread() -> None:
    time.sleep(5)


@durable_execution
async def durable(event: dict, ctx: DurableContext) -> None:
    await ctx.wait("pause", 5)


@durable_execution
async def in_steps(event: dict, ctx: DurableContext) -> None:
    await ctx.step("slow", slow)
    await ctx.step("slow on a thread", slow_on_a_thread)
    await ctx.step("sleep", asyncio.sleep, 5)
    await ctx.step("lambda", lambda: time.sleep(5))


@durable_execution
async def lets_others_run(event: dict, ctx: DurableContext) -> None:
    await asyncio.sleep(0)


@durable_execution
async def in_a_poll(event: dict, ctx: DurableContext) -> None:
    async def look(state: int) -> int:
        await asyncio.sleep(1)
        return state + 1

    await ctx.wait_for_condition("ready", look, initial_state=0, until=lambda state: state > 3)


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext) -> None:
    sleep = event["sleep"]
    sleep(5)
    event["robot"].sleep(5)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.wait("pause", 5)
    ctx.step("slow", slow_on_a_thread)


def not_durable() -> None:
    time.sleep(5)
