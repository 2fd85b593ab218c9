"""gather, TaskGroup: operations are awaitables, so asyncio's own tools work. Breakfast is made by two people.

    $ durable run side_by_side.py:breakfast --event '["Ada", "Grace"]' --skip-time
    ✓ eggs  step  succeeded
    ✓ toast  step  succeeded
    [
      "eggs",
      "toast",
      "Ada: coffee, 2 cups",
      "Grace: coffee, 2 cups"
    ]

An operation starts when it is called, and may be awaited later. Coroutines that have several operations each are
numbered apart, so whichever is faster, a replay gives each its own. Where a branch should have a name and an outcome of
its own in the history, use `ctx.parallel` or `ctx.map`.
"""

import asyncio

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def breakfast(people: list[str], ctx: DurableContext) -> list[str]:
    eggs, toast = await asyncio.gather(ctx.step("eggs", cook, "eggs"), ctx.step("toast", cook, "toast"))

    async def make_coffee(person: str) -> str:
        cups = await ctx.step(f"grind for {person}", grind)
        await ctx.wait(f"brew for {person}", 240)
        return f"{person}: coffee, {cups} cups"

    async with asyncio.TaskGroup() as group:
        coffees = [group.create_task(make_coffee(person)) for person in people]
    return [eggs, toast, *(coffee.result() for coffee in coffees)]


async def cook(what: str) -> str:
    return what


async def grind() -> int:
    return 2
