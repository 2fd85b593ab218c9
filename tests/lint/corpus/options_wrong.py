"""Options of operations whose functions a replay calls again, and branches whichever way they are nested."""

import random
import time
import uuid
from typing import Any

from durable_lambda import DurableContext, SyncDurableContext, durable_execution


async def branch(item: int, ctx: DurableContext) -> float:
    return item + time.time()  # DUR001


def branch_here(item: int, ctx: SyncDurableContext) -> float:
    return item + random.random()  # DUR002


async def look(state: int) -> int:
    return state + 1


@durable_execution
async def awaiting(event: list[int], ctx: DurableContext) -> Any:
    await ctx.map("many", event, branch, nesting="flat", item_name=lambda item, index: uuid.uuid4().hex)  # DUR002 DUR009
    await ctx.wait_for_condition("ready", look, initial_state=0, until=lambda state: state > time.time())  # DUR001
    ctx.parallel("both", [lambda c: branch(1, c)], nesting="flat")  # DUR008
    return None


@durable_execution
def blocking(event: list[int], ctx: SyncDurableContext) -> Any:
    ctx.map("many", event, branch_here, nesting="flat", item_name=lambda item, index: str(random.random()))  # DUR002 DUR009
    ctx.wait_for_condition("ready", look, initial_state=0, until=lambda state: state > time.time())  # DUR001
    return ctx.run_in_child_context("child", lambda c: time.time(), virtual=True)  # DUR001
