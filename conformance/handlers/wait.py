"""Suite `wait`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durable_lambda import DurableContext
from handlers.entry import durable


@durable
async def one(event: Any, ctx: DurableContext) -> None:
    await ctx.wait(None, 2)


@durable
async def named(event: Any, ctx: DurableContext) -> None:
    await ctx.wait("custom_wait_name", 2)


@durable
async def two(event: Any, ctx: DurableContext) -> dict[str, int]:
    await ctx.wait("wait-1", 2)
    await ctx.wait("wait-2", 2)
    return {"completedWaits": 2}


@durable
async def minutes(event: Any, ctx: DurableContext) -> None:
    await ctx.wait("minutes", timedelta(minutes=1))


@durable
async def hours(event: Any, ctx: DurableContext) -> None:
    await ctx.wait("hours", timedelta(hours=1))
