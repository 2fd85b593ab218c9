"""Calls of a `def` handler that are wrong: every line that is marked must not type-check. Never run."""

from __future__ import annotations

from durable_lambda import DurableContext, DurableHandler, Handler, SyncDurableContext, durable_execution


def add(a: int, b: int) -> int: ...
def double(item: int, ctx: SyncDurableContext) -> int: ...
def branch(ctx: SyncDurableContext) -> int: ...
async def async_branch(ctx: DurableContext) -> int: ...
async def async_double(item: int, ctx: DurableContext) -> int: ...
def look(state: int) -> int: ...
def submit(callback_id: str) -> None: ...
def undo(result: int, a: int, b: int) -> None: ...


def wrong(ctx: SyncDurableContext) -> None:
    ctx.step("s", add, 1)  # wrong
    ctx.step("s", add, 1, "2")  # wrong
    ctx.step("s", add, 1, 2, retries=3)  # wrong
    ctx.step(add, 1, 2)  # wrong
    ctx.step("s", add(1, 2))  # wrong
    ctx.wait("w", "5")  # wrong
    ctx.map("m", ["a"], double)  # wrong
    ctx.map("m", [1], async_double)  # wrong
    ctx.map("m", [1], double, nesting="deep")  # wrong
    ctx.parallel("p", [double])  # wrong
    ctx.parallel("p", [async_branch])  # wrong
    ctx.parallel("p", [branch(ctx)])  # wrong
    ctx.first("f", a=double)  # wrong
    ctx.first("f", a=async_branch)  # wrong
    ctx.timeout("t", branch, 5)  # wrong
    ctx.timeout("t", 5, double, "a")  # wrong
    ctx.with_retry("r", double)  # wrong
    ctx.run_in_child_context("c", branch, 1)  # wrong
    ctx.run_in_child_context("c", async_branch)  # wrong
    ctx.wait_for_callback("c", submit, 1)  # wrong
    ctx.wait_for_condition("w", look, initial_state="a", until=bool)  # wrong
    ctx.saga().step("s", add, 1, "2", compensate=undo)  # wrong
    number: str = ctx.step("s", add, 1, 2)  # wrong
    names: list[str] = ctx.map("m", [1], double).results()  # wrong
    print(number, names)


async def wrong_await(ctx: SyncDurableContext) -> None:
    await ctx.wait("w", 5)  # wrong


async def wrong_with(ctx: SyncDurableContext) -> None:
    async with ctx.batch_checkpoints():  # wrong
        pass


@durable_execution  # wrong
def no_context(event: int) -> None: ...


@durable_execution  # wrong
def other_context(event: int, ctx: DurableContext) -> None: ...


@durable_execution(names="orders")  # wrong
def wrong_option(event: int, ctx: SyncDurableContext) -> None: ...


Handler(other_context.fn, start_delays=0)  # wrong


class WrongOption(DurableHandler, names="orders"):  # wrong
    def handle(self, event: int, ctx: SyncDurableContext) -> None: ...


def right(ctx: SyncDurableContext) -> None:
    """The same calls as they should be, so that the marks above are not for another reason."""
    ctx.step("s", add, 1, 2, retry=3)
    ctx.wait("w", 5)
    ctx.map("m", [1], double, max_concurrency=2, nesting="flat")
    ctx.parallel("p", [branch])
    ctx.first("f", a=branch)
    ctx.timeout("t", 5, double, 1)
    ctx.with_retry("r", double, 1)
    ctx.run_in_child_context("c", branch)
    ctx.wait_for_callback("c", submit)
    ctx.wait_for_condition("w", look, initial_state=1, until=bool)
    ctx.saga().step("s", add, 1, 2, compensate=undo)
    with ctx.batch_checkpoints():
        pass
