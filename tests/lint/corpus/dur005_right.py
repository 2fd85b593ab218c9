"""Orders that hold, and sets that no operation follows."""

import asyncio
import os
from collections.abc import Iterable

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


async def item(name: str, ctx: DurableContext) -> None:
    await ctx.step("work", work, name)


@durable_execution
async def sorted_first(names: set[str], ctx: DurableContext) -> None:
    for name in sorted(names):
        await ctx.step("work", work, name)
    await ctx.map("items", sorted(set(names)), item)
    ordered = sorted(names | {"x"})
    await asyncio.gather(*(ctx.step("work", work, name) for name in ordered))


@durable_execution
async def nothing_follows(names: set[str], ctx: DurableContext) -> int:
    total = 0
    for name in names:
        total += len(name)
    await ctx.step("work", work, {name.lower() for name in names}, "a" in names, len(names))
    return total


@durable_execution
async def mappings_keep_their_order(event: dict[str, int], ctx: DurableContext) -> None:
    for key, value in event.items():
        await ctx.step("work", work, key, value)
    for key in event.keys():
        await ctx.step("work", work, key)
    for key in {"a": 1, "b": 2}:
        await ctx.step("work", work, key)
    for key in dict.fromkeys(event):
        await ctx.step("work", work, key)


@durable_execution
async def small_numbers(event: dict, ctx: DurableContext) -> None:
    for number in {1, 2, 3}:
        await ctx.step("work", work, number)


@durable_execution
async def listed_in_a_step(event: dict, ctx: DurableContext) -> None:
    names = await ctx.step("list", os.listdir, ".")
    for name in names:
        await ctx.step("work", work, name)


@durable_execution
async def something_unknown(event: dict, ctx: DurableContext, names: Iterable[str] = ()) -> None:
    for name in names:
        await ctx.step("work", work, name)
    for name in event["names"] - event["others"]:
        await ctx.step("work", work, name)


@durable_execution
async def once_a_set(event: dict, ctx: DurableContext) -> None:
    names = set(event["names"])
    names = sorted(names)
    for name in names:
        await ctx.step("work", work, name)


@durable_execution
async def inside_a_body(names: set[str], ctx: DurableContext) -> None:
    async def body() -> None:
        for name in names:
            await work(name)

    await ctx.step("body", body)


@durable_execution
def blocking(names: set[str], ctx: DurableContext) -> None:
    for name in sorted(names):
        ctx.step("work", work, name)
