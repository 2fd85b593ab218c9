"""Bodies that change what durable code sees."""

from collections import defaultdict
from dataclasses import dataclass

from durable_lambda import DurableContext, DurableHandler, durable_execution

SEEN: list[str] = []
TOTAL = 0


@dataclass
class Order:
    status: str


@durable_execution
async def rebinds(event: dict, ctx: DurableContext) -> int:
    count = 0

    def body() -> None:
        nonlocal count
        count += 1  # DUR006

    await ctx.step("body", body)
    return count


@durable_execution
async def appends(event: dict, ctx: DurableContext) -> list[str]:
    found: list[str] = []
    sums = defaultdict(int)

    async def body() -> None:
        found.append("x")  # DUR006
        sums["x"] += 1  # DUR006

    await ctx.step("body", body)
    await ctx.step("lambda", lambda: found.extend(["y"]))  # DUR006
    return found


@durable_execution
async def changes_the_event(order: Order, ctx: DurableContext) -> str:
    async def body() -> None:
        order.status = "paid"  # DUR006

    await ctx.step("body", body)
    return order.status


def remember(name: str) -> None:
    SEEN.append(name)  # DUR006


def add(number: int) -> None:
    global TOTAL
    TOTAL += number  # DUR006


@durable_execution
async def reads_globals(event: dict, ctx: DurableContext) -> int:
    await ctx.step("remember", remember, "x")
    await ctx.step("add", add, 5)
    if "x" in SEEN:
        await ctx.step("remember", remember, "y")
    return TOTAL


class Orders(DurableHandler):
    def __init__(self) -> None:
        self.paid = 0
        self.log: list[str] = []

    async def handle(self, event: dict, ctx: DurableContext) -> int:
        await ctx.step("pay", self.pay)
        return self.paid if self.log else 0

    async def pay(self) -> None:
        self.paid += 1  # DUR006
        self.log.append("paid")  # DUR006


@durable_execution
async def in_a_branch(event: dict, ctx: DurableContext) -> None:
    results = {}

    async def branch(item: str, ctx: DurableContext) -> None:
        async def body() -> None:
            results[item] = 1  # DUR006

        await ctx.step("body", body)

    await ctx.map("items", event["items"], branch)


@durable_execution
async def of_the_context(event: dict, ctx: DurableContext) -> None:
    ctx.attempts = 0  # DUR006

    async def body() -> None:
        ctx.attempts = 1  # DUR006

    await ctx.step("body", body)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> list:
    found = list(event["found"])
    ctx.step("drop", lambda: found.pop())  # DUR006
    return found


@durable_execution
async def in_what_a_body_calls(event: dict, ctx: DurableContext) -> dict:
    cache = {}

    def fill() -> None:
        cache.update(a=1)  # DUR006

    async def body() -> None:
        fill()

    await ctx.step("body", body)
    return cache


@durable_execution
async def in_a_branch_that_is_done(event: dict, ctx: DurableContext) -> list[str]:
    found: list[str] = []
    count = 0

    async def branch(item: str, ctx: DurableContext) -> None:
        nonlocal count
        found.append(await ctx.step("work", str.upper, item))  # DUR006
        count += 1  # DUR006

    await ctx.map("items", event["items"], branch)
    return found if count else []


@durable_execution
async def in_a_child_context(event: dict, ctx: DurableContext) -> dict:
    totals = {}

    async def count(ctx: DurableContext) -> None:
        totals["x"] = await ctx.step("count", len, event["items"])  # DUR006

    async def again(ctx: DurableContext) -> None:
        totals["tries"] += 1  # DUR006

    await ctx.run_in_child_context("count", count)
    await ctx.with_retry("again", again)
    return totals


class Batches(DurableHandler):
    def __init__(self) -> None:
        self.done: list[str] = []

    async def handle(self, event: dict, ctx: DurableContext) -> int:
        await ctx.map("items", event["items"], self.item)
        return len(self.done)

    async def item(self, item: str, ctx: DurableContext) -> None:
        self.done.append(await ctx.step("work", str.upper, item))  # DUR006


@durable_execution
def blocking_branches(event: dict, ctx: DurableContext) -> list:
    found = []

    def branch(ctx: DurableContext) -> None:
        found.append(ctx.step("work", len, "x"))  # DUR006

    ctx.parallel("both", {"left": branch})
    return found
