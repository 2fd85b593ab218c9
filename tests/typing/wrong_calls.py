"""Calls that are wrong: every line that is marked must not type-check. Never run: pyright reads it."""

from __future__ import annotations

from durable_lambda import DurableContext


def add(a: int, b: int) -> int: ...
async def double(item: int, ctx: DurableContext) -> int: ...
async def branch(ctx: DurableContext) -> int: ...
async def look(state: int) -> int: ...
def submit(callback_id: str) -> None: ...
def undo(result: int, a: int, b: int) -> None: ...


async def wrong(ctx: DurableContext) -> None:
    await ctx.step("s", add, 1)  # wrong
    await ctx.step("s", add, 1, "2")  # wrong
    await ctx.step("s", add, 1, 2, retries=3)  # wrong
    await ctx.step(add, 1, 2)  # wrong
    await ctx.step("s", add(1, 2))  # wrong
    await ctx.step("s", add, 1, 2, retry="3")  # wrong
    await ctx.wait("w", "5")  # wrong
    await ctx.map("m", ["a"], double)  # wrong
    await ctx.map("m", {1, 2}, double)  # wrong
    await ctx.map("m", [1], double, max_concurrency="2")  # wrong
    await ctx.map("m", [1], double, nesting="deep")  # wrong
    await ctx.map("m", [1], branch)  # wrong
    await ctx.parallel("p", [double])  # wrong
    await ctx.parallel("p", [branch(ctx)])  # wrong
    await ctx.parallel("p", branch)  # wrong
    await ctx.parallel("p", {1: branch})  # wrong
    await ctx.first("f", a=double)  # wrong
    await ctx.timeout("t", branch, 5)  # wrong
    await ctx.timeout("t", 5, double, "a")  # wrong
    await ctx.with_retry("r", double)  # wrong
    await ctx.run_in_child_context("c", branch, 1)  # wrong
    await ctx.wait_for_callback("c", submit, 1)  # wrong
    await ctx.wait_for_condition("w", look, initial_state="a", until=bool)  # wrong
    await ctx.wait_for_condition("w", look, initial_state=1)  # wrong
    await ctx.saga().step("s", add, 1, 2)  # wrong
    await ctx.saga().step("s", add, 1, "2", compensate=undo)  # wrong
    number: str = await ctx.step("s", add, 1, 2)  # wrong
    names: list[str] = (await ctx.map("m", [1], double)).results()  # wrong
    print(number, names)


async def right(ctx: DurableContext) -> None:
    """The same calls as they should be, so that the marks above are not for another reason."""
    await ctx.step("s", add, 1, 2, retry=3)
    await ctx.wait("w", 5)
    await ctx.map("m", [1], double, max_concurrency=2, nesting="flat")
    await ctx.parallel("p", [branch])
    await ctx.parallel("p", {"a": branch})
    await ctx.first("f", a=branch)
    await ctx.timeout("t", 5, double, 1)
    await ctx.with_retry("r", double, 1)
    await ctx.run_in_child_context("c", branch)
    await ctx.wait_for_callback("c", submit)
    await ctx.wait_for_condition("w", look, initial_state=1, until=bool)
    await ctx.saga().step("s", add, 1, 2, compensate=undo)
