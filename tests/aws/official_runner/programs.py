"""Durable functions that the official runner is to run, between them with every operation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from durable_lambda import Completion, DurableContext, Retry, StepError, current_step, durable_execution


@dataclass
class Receipt:
    order: int
    city: str


async def fail_twice(order: int) -> Receipt:
    if current_step().attempt < 3:
        raise ConnectionError("not yet")
    return Receipt(order, "Oslo")


@durable_execution
async def steps(event: dict[str, int], ctx: DurableContext) -> Receipt:
    receipt = await ctx.step("receipt", fail_twice, event["order"], retry=Retry(max_attempts=3))
    await ctx.wait("cool-down", timedelta(hours=1))
    return receipt


@durable_execution
async def brisk(event: dict[str, int], ctx: DurableContext) -> Receipt:
    """As `steps`, and soon done in real time."""
    again = Retry(max_attempts=3, initial_delay=1, max_delay=1, jitter="none")
    receipt = await ctx.step("receipt", fail_twice, event["order"], retry=again)
    await ctx.wait("cool-down", 1)
    return receipt


@durable_execution
async def failing(event: Any, ctx: DurableContext) -> str:
    async def decline() -> None:
        raise LookupError("no funds")

    try:
        await ctx.step("charge", decline, retry=Retry.none())
    except LookupError as error:
        return f"{type(error).__name__}: {error}"
    return "charged"


@durable_execution
async def unhandled(event: Any, ctx: DurableContext) -> None:
    await ctx.step("one", lambda: 1)
    raise ValueError("broken")


@durable_execution
async def together(event: Any, ctx: DurableContext) -> list[Any]:
    async def branch(ctx: DurableContext) -> int:
        await ctx.wait("moment", 2)
        return await ctx.step("two", lambda: 2)

    async def item(number: int, ctx: DurableContext) -> int:
        return await ctx.step("double", lambda: 2 * number)

    both, mapped, gathered = await asyncio.gather(
        ctx.parallel("both", {"left": branch, "right": branch}),
        ctx.map("items", [1, 2, 3], item, max_concurrency=2, completion=Completion.all_completed()),
        ctx.step("alone", lambda: "alone"),
    )
    return [both.results(), mapped.results(), gathered]


@durable_execution
async def polling(event: Any, ctx: DurableContext) -> int:
    async def look(count: int) -> int:
        return count + 1

    return await ctx.wait_for_condition("ready", look, initial_state=0, until=lambda count: count == 3)


@durable_execution
async def answered(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval", timeout=timedelta(days=1))
    return await ctx.callback_result(approval, dict[str, bool])


@durable_execution
async def child(event: Any, ctx: DurableContext) -> Any:
    return await ctx.step("triple", lambda: 3 * event["n"])


@durable_execution
async def invoking(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("triple", "child:$LATEST", {"n": 14})


@durable_execution
async def undone(event: Any, ctx: DurableContext) -> list[str]:
    log: list[str] = []

    async def decline() -> None:
        raise StepError("declined")

    try:
        async with ctx.saga() as saga:
            await saga.step("reserve", lambda: "room", compensate=log.append)
            await ctx.step("pay", decline, retry=Retry.none())
    except StepError:
        pass
    return await ctx.step("log", lambda: log)
