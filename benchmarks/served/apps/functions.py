"""What `durable serve` serves."""

from __future__ import annotations

import asyncio
import os
from time import perf_counter
from typing import Any

from durable_lambda import DurableContext, durable_execution

_EFFECTS = os.open(os.environ["BENCH_EFFECTS"], os.O_WRONLY | os.O_APPEND) if "BENCH_EFFECTS" in os.environ else None


async def body(number: int) -> int:
    return number


async def effect(text: str) -> None:
    assert _EFFECTS is not None
    os.write(_EFFECTS, f"{text}\n".encode())


async def last(execution: int) -> None:
    await effect(f"{execution} last")
    if "BENCH_HOLD" in os.environ:
        await asyncio.Event().wait()


@durable_execution
async def steps(event: dict[str, Any], ctx: DurableContext) -> list[float]:
    laps: list[float] = []
    for number in range(event["steps"]):
        since = perf_counter()
        await ctx.step(f"step-{number}", body, number)
        laps.append(perf_counter() - since)
    return laps


@durable_execution
async def held(event: dict[str, Any], ctx: DurableContext) -> None:
    for number in range(event["steps"]):
        await ctx.step(f"step-{number}", effect, f"{event['number']} {number}")
    await ctx.step("last", last, event["number"])


@durable_execution
async def waiting(event: dict[str, Any], ctx: DurableContext) -> None:
    await ctx.step("before", effect, f"{event['number']} before")
    await ctx.wait("wait", 86_400)
