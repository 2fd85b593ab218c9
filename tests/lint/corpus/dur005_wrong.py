"""Operations in an order that nobody keeps."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from durable_lambda import DurableContext, durable_execution


@dataclass
class Order:
    skus: set[str]
    tags: "frozenset[str] | None"


async def work(*args: object) -> None: ...


async def item(name: str, ctx: DurableContext) -> None:
    await ctx.step("work", work, name)


async def all_of(names: list[str], ctx: DurableContext) -> None:
    for name in names:
        await ctx.step("work", work, name)


@durable_execution
async def loops(order: Order, ctx: DurableContext) -> None:
    for sku in order.skus:  # DUR005
        await ctx.step("work", work, sku)
    for number, sku in enumerate({"a", "b"}):  # DUR005
        if number:
            await item(sku, ctx)
    for tag in order.tags:  # DUR005
        async with ctx.batch_checkpoints():
            await ctx.wait(tag, 5)


@durable_execution
async def comprehensions(order: Order, ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step("work", work, sku) for sku in order.skus))  # DUR005
    found = {sku: await ctx.step("work", work, sku) for sku in order.skus | {"x"}}  # DUR005
    more = [await item(sku, ctx) for sku in frozenset(found)]  # DUR005
    await ctx.step("work", work, more)


@durable_execution
async def batches(order: Order, ctx: DurableContext) -> None:
    await ctx.map("items", list(order.skus), item)  # DUR005
    names = [sku.lower() for sku in set(order.skus)]
    await ctx.map("items", names, item)  # DUR005
    await ctx.parallel("branches", {sku: lambda ctx: ctx.wait("x", 5) for sku in order.skus})  # DUR005


@durable_execution
async def keys(event: dict[str, str], ctx: DurableContext, old: dict[str, str] = {}) -> None:
    for key in event.keys() - old.keys():  # DUR005
        await ctx.step("work", work, key)
    for key in set(event).difference(old):  # DUR005
        await ctx.step("work", work, key)
    for key, value in {each: 1 for each in set(event)}.items():  # DUR005
        await ctx.step("work", work, key, value)


@durable_execution
async def listings(event: dict, ctx: DurableContext) -> None:
    for name in os.listdir("."):  # DUR004 DUR005
        await ctx.step("work", work, name)
    for path in Path(".").glob("*.txt"):  # DUR004 DUR005
        await ctx.step("work", work, path.name)


@durable_execution
async def whoever_is_done(event: dict, ctx: DurableContext) -> None:
    tasks = [asyncio.create_task(asyncio.Event().wait()) for _ in range(3)]
    for each in asyncio.as_completed(tasks):  # DUR005
        await ctx.step("work", work, await each)
    done, pending = await asyncio.wait(tasks)
    for task in done:  # DUR005
        await ctx.step("work", work, task.result())


@durable_execution
def blocking(names: set[str], ctx: DurableContext) -> None:
    for name in names:  # DUR005
        ctx.step("work", work, name)
    seen = set()
    for name in names:
        seen.add(name)
    for name in tuple(seen):  # DUR005
        ctx.step("work", work, name)
