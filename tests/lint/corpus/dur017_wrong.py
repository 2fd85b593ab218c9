"""Functions that a loop makes, and that run after it."""

import asyncio
from functools import partial

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


async def ship(line: str, ctx: DurableContext) -> None: ...


@durable_execution
async def in_comprehensions(lines: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*[ctx.step(line, lambda: work(line)) for line in lines])  # DUR017
    await ctx.parallel("ship", [lambda ctx: ship(line, ctx) for line in lines])  # DUR017
    await ctx.parallel("ship", {line: lambda ctx: ship(line, ctx) for line in lines})  # DUR017


@durable_execution
async def in_a_loop(lines: list[str], ctx: DurableContext) -> None:
    operations = []
    for number, line in enumerate(lines):
        operations.append(ctx.step(line, lambda: work(number)))  # DUR017
    await asyncio.gather(*operations)


@durable_execution
async def defined_in_a_loop(lines: list[str], ctx: DurableContext) -> None:
    operations = []
    for line in lines:
        upper = line.upper()

        async def body() -> None:  # DUR017
            await work(upper)

        operations.append(ctx.step(line, body))
    await asyncio.gather(*operations)


@durable_execution
async def in_a_group(lines: list[str], ctx: DurableContext) -> None:
    async with asyncio.TaskGroup() as group:
        for line in lines:
            group.create_task(ctx.step(line, lambda: work(line)))  # DUR017


@durable_execution
async def branches_by_a_name(lines: list[str], ctx: DurableContext) -> None:
    branches = []
    for line in lines:
        branches.append(lambda ctx: ship(line, ctx))  # DUR017
    await ctx.parallel("ship", branches)


@durable_execution
async def in_a_partial(lines: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step(line, partial(lambda n: work(line, n), 5)) for line in lines))  # DUR017
