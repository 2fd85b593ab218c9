"""Bodies that change what is theirs, or what no durable code reads."""

import asyncio
from collections import Counter

from durable_lambda import DurableContext, DurableHandler, durable_execution

CACHE: dict[str, str] = {}
CALLS: Counter[str] = Counter()


@durable_execution
async def of_its_own(event: dict, ctx: DurableContext) -> list[str]:
    async def body() -> list[str]:
        found: list[str] = []
        for name in event["names"]:
            found.append(name)
        return found

    return await ctx.step("body", body)


def rate(name: str) -> str:
    CALLS[name] += 1
    if name not in CACHE:
        CACHE[name] = name.upper()
    return CACHE[name]


@durable_execution
async def a_cache_that_only_bodies_read(event: dict, ctx: DurableContext) -> str:
    return await ctx.step("rate", rate, "eur")


@durable_execution
async def durable_code_collects(event: dict, ctx: DurableContext) -> list[str]:
    found: list[str] = []
    total = 0

    async def branch(name: str, ctx: DurableContext) -> None:
        nonlocal total
        total += 1
        found.append(await ctx.step("rate", rate, name))

    for name in event["names"]:
        await branch(name, ctx)
    return found


@durable_execution
async def of_its_argument(order: dict[str, str], ctx: DurableContext) -> dict[str, str]:
    return await ctx.step("pay", pay, order)


def pay(order: dict[str, str]) -> dict[str, str]:
    order["status"] = "paid"
    return order


class Orders(DurableHandler):
    def __init__(self) -> None:
        self.client = None
        self.calls = 0

    async def handle(self, event: dict, ctx: DurableContext) -> str:
        return await ctx.step("ask", self.ask)

    async def ask(self) -> str:
        if self.client is None:
            self.client = object()
        self.calls += 1
        return "x"


@durable_execution
async def signals(event: dict, ctx: DurableContext) -> None:
    begun = asyncio.Event()
    session = event["session"]

    async def body() -> None:
        begun.set()
        session.add("row")
        session.update("row")

    await ctx.step("body", body)


def outer() -> None:
    log: list[str] = []

    async def body() -> None:
        log.append("body")

    @durable_execution
    async def handler(event: dict, ctx: DurableContext) -> None:
        log.append("handler")
        await ctx.step("body", body)

    assert log == []


@durable_execution
async def shadowed(event: dict, ctx: DurableContext) -> int:
    count = 0

    def body() -> int:
        count = 1
        return count

    return count + await ctx.step("body", body)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> list[str]:
    found: list[str] = []
    for name in event["names"]:
        found.append(ctx.step("rate", rate, name))
    return found


@durable_execution
async def in_a_child_without_a_record(event: dict, ctx: DurableContext) -> list[str]:
    found: list[str] = []

    async def child(ctx: DurableContext) -> None:
        found.append(await ctx.step("rate", rate, "eur"))

    await ctx.run_in_child_context("child", child, virtual=True)
    return found


@durable_execution
async def of_a_branch_alone(event: dict, ctx: DurableContext) -> list[str]:
    async def branch(name: str, ctx: DurableContext) -> str:
        mine: list[str] = []

        async def part(suffix: str) -> None:
            mine.append(await ctx.step("rate", rate, name + suffix))

        await part("a")
        await part("b")
        return ",".join(mine)

    return (await ctx.map("items", event["names"], branch)).results()


@durable_execution
async def that_nobody_reads(event: dict, ctx: DurableContext) -> list[str]:
    seen: list[str] = []

    async def branch(name: str, ctx: DurableContext) -> str:
        seen.append(name)
        return await ctx.step("rate", rate, name)

    return (await ctx.map("items", event["names"], branch)).results()
