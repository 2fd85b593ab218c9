"""Names that are others on a replay."""

import itertools
import os
import time
import uuid
from datetime import datetime

from durable_lambda import DurableContext, durable_execution

STAMP = time.time()
NUMBERS = itertools.count(1)
calls = 0
RUN = f"run-{uuid.uuid4()}"


async def work(*args: object) -> None: ...


async def item(name: str, ctx: DurableContext) -> None:
    await ctx.step("work", work, name)


@durable_execution
async def in_the_name(event: dict, ctx: DurableContext) -> None:
    await ctx.step(f"work-{datetime.now():%Y}", work)  # DUR009
    await ctx.wait("pause " + str(uuid.uuid4()), 5)  # DUR009
    await ctx.invoke("call-%s" % os.getpid(), "fn")  # DUR009
    await ctx.step(name="work-{}".format(time.time()), fn=work)  # DUR009
    await ctx.create_callback(os.environ["NAME"])  # DUR009


@durable_execution
async def by_a_variable(event: dict, ctx: DurableContext) -> None:
    stamp = str(time.time())  # DUR001
    name = f"work-{stamp}"
    await ctx.step(name, work)  # DUR009
    name += "-again"
    await ctx.run_in_child_context(name, item, "x")  # DUR009


@durable_execution
async def by_a_constant_of_the_process(event: dict, ctx: DurableContext) -> None:
    await ctx.step(f"work-{STAMP}", work)  # DUR009
    await ctx.step(RUN, work)  # DUR009


@durable_execution
async def of_this_process(event: dict, ctx: DurableContext) -> None:
    await ctx.step(f"work-{id(event)}", work)  # DUR009
    await ctx.step(f"work-{hash('x') % 8}", work)  # DUR009
    await ctx.step(f"work-{ctx.is_replaying}", work)  # DUR009


@durable_execution
async def by_the_order_of_a_set(tags: set[str], ctx: DurableContext) -> None:
    await ctx.step("-".join(tags), work)  # DUR009
    await ctx.step(f"work-{tags}", work)  # DUR009
    await ctx.step(next(iter(tags)), work)  # DUR009


def named(kind: str) -> str:
    return f"{kind}-{time.time()}"  # DUR001


@durable_execution
async def by_a_function(event: dict, ctx: DurableContext) -> None:
    await ctx.step(named("work"), work)  # DUR009


@durable_execution
async def of_items(event: dict, ctx: DurableContext) -> None:
    await ctx.map("items", event["items"], item, item_name=lambda name, index: f"{name}-{uuid.uuid4()}")  # DUR002 DUR009


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step(f"work-{time.monotonic_ns()}", work)  # DUR009


@durable_execution
async def by_a_counter_of_the_process(event: dict, ctx: DurableContext) -> None:
    number = next(NUMBERS)
    await ctx.step(f"work-{number}", work)  # DUR009
    await ctx.step(f"work-{next(NUMBERS)}", work)  # DUR009


def numbered() -> str:
    global calls
    calls += 1
    return f"call-{calls}"


@durable_execution
async def by_a_global_that_counts(event: dict, ctx: DurableContext) -> None:
    await ctx.step(numbered(), work)  # DUR009
    await ctx.step(f"work-{calls}", work)  # DUR009
