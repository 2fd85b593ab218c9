"""Functions that get the value of their own round."""

import asyncio
from functools import partial

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


async def ship(line: str, ctx: DurableContext) -> None: ...


@durable_execution
async def as_arguments(lines: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step(line, work, line) for line in lines))
    await ctx.parallel("ship", [partial(ship, line) for line in lines])
    await ctx.map("ship", lines, ship)


@durable_execution
async def bound_by_a_default(lines: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step(line, lambda line=line: work(line)) for line in lines))


@durable_execution
async def awaited_at_once(lines: list[str], ctx: DurableContext) -> None:
    for line in lines:
        await ctx.step(line, lambda: work(line))
        await asyncio.gather(ctx.step("a", lambda: work(line)), ctx.step("b", lambda: work(line)))
        operation = ctx.step("c", lambda: work(line))
        await ctx.wait("pause", 5)
        await operation
    found = [await ctx.step(line, lambda: work(line)) for line in lines]
    found.clear()


@durable_execution
async def of_nothing_that_changes(lines: list[str], ctx: DurableContext) -> None:
    count = len(lines)
    await asyncio.gather(*(ctx.step(line, lambda: work(count)) for line in lines))


@durable_execution
async def made_by_a_function(lines: list[str], ctx: DurableContext) -> None:
    def body_for(line: str):
        return lambda: work(line)

    await asyncio.gather(*(ctx.step(line, body_for(line)) for line in lines))


@durable_execution
async def with_names_of_its_own(lines: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step(line, lambda: [line for line in "abc"]) for line in lines))


@durable_execution
async def in_a_group_of_its_own(lines: list[str], ctx: DurableContext) -> None:
    for line in lines:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step(line, lambda: work(line)))


@durable_execution
def blocking(lines: list[str], ctx: DurableContext) -> None:
    for line in lines:
        ctx.step(line, lambda: line.upper())
