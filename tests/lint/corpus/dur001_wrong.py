"""The clock, read in durable code, by every way to it."""

import asyncio
import datetime as dt
import time
import time as t
from datetime import date, datetime
from functools import partial
from time import monotonic, time as now

from durable_lambda import DurableContext, DurableHandler, Handler, durable_execution

tell = datetime.now


async def work(*args: object) -> None: ...


@durable_execution
async def by_module(event: dict, ctx: DurableContext) -> float:
    return time.time()  # DUR001


@durable_execution(name="aliased")
async def by_alias(event: dict, ctx: DurableContext) -> None:
    started = t.time_ns()  # DUR001
    today = date.today()  # DUR001
    await ctx.step("work", work, started, today, now())  # DUR001
    await ctx.step("work", work, dt.datetime.utcnow())  # DUR001
    await ctx.step("work", work, tell())  # DUR001
    await ctx.step("work", work, time.strftime("%Y"), time.localtime())  # DUR001 DUR001


@durable_execution
async def by_branching(event: dict, ctx: DurableContext) -> None:
    deadline = monotonic() + 60  # DUR001
    while True:
        await ctx.step("work", work)
        if monotonic() > deadline:  # DUR001
            break


@durable_execution
async def by_loop(event: dict, ctx: DurableContext) -> float:
    loop = asyncio.get_running_loop()
    return loop.time()  # DUR001


def stamp() -> str:
    return datetime.now().isoformat()  # DUR001


def label(kind: str) -> str:
    return kind + stamp()


@durable_execution
async def by_a_function(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, label("x"))


class Orders(DurableHandler):
    async def handle(self, event: dict, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("inner", self.inner)
        self.age(event)

    async def inner(self, ctx: DurableContext) -> datetime:
        return datetime.now()  # DUR001

    def age(self, event: dict) -> float:
        return time.time() - event["at"]  # DUR001


async def built(event, context):
    await context.parallel("both", [branch, partial(with_argument, 5), lambda ctx: ctx.step("work", work, time.time())])  # DUR001
    await context.map("all", event["lines"], each)


async def branch(ctx):
    return time.time()  # DUR001


async def with_argument(number, ctx):
    await ctx.step("work", work, number, time.time())  # DUR001


async def each(line, ctx):
    return time.time()  # DUR001


handler = Handler.builder(built).build()


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work, time.time())  # DUR001


@durable_execution
async def until(event: dict, ctx: DurableContext) -> None:
    end = event["end"]
    await ctx.wait_for_condition("ready", work, initial_state=0, until=lambda state: time.time() > end)  # DUR001


async def direct(order: str) -> float:
    return time.time()  # DUR001


@durable_execution
async def a_body_called_outside_of_a_step(event: dict, ctx: DurableContext) -> None:
    await ctx.step("direct", direct, "a")
    await direct("b")
