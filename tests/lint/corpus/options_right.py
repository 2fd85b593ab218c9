"""Options of operations whose functions are not run again: codecs, retries, completions."""

import json
import os
import random
import time
import uuid
from datetime import timedelta
from typing import Any

from durable_lambda import Completion, DurableContext, Poll, Retry, SyncDurableContext, current_step, durable_execution


class Sealed:
    """A codec: it writes once; what it reads is what it wrote."""

    def encode(self, value: Any) -> str:
        return json.dumps({"nonce": uuid.uuid4().hex, "value": value, "at": time.time()})

    def decode(self, payload: str) -> Any:
        return json.loads(payload)["value"]


SEALED = Sealed()


def is_worth_it(error: BaseException) -> bool:
    return random.random() > 0.5


async def charge(amount: int) -> str:
    return f"{os.environ['SHOP']} {amount} {current_step().idempotency_key} {time.time()}"


async def branch(item: int, ctx: DurableContext) -> str:
    return await ctx.step("charge", charge, item, codec=SEALED, retry=Retry(retry_on=is_worth_it), inline=True)


def branch_here(item: int, ctx: SyncDurableContext) -> int:
    return ctx.step("twice", lambda: item * random.randint(1, 2), codec=SEALED)


@durable_execution
async def awaiting(event: list[int], ctx: DurableContext) -> Any:
    many = await ctx.map(
        "many",
        event,
        branch,
        batch_size=10,
        item_name=lambda item, index: f"item {index}",
        nesting="flat",
        item_codec=SEALED,
        codec=Sealed(),
        completion=Completion.tolerate(failures=1),
    )
    both = await ctx.parallel("both", [lambda c: branch(1, c), lambda c: branch(2, c)], nesting="flat", item_codec=SEALED)
    told = await ctx.invoke("told", "other", event, payload_codec=SEALED, codec=SEALED, tenant_id="t")
    ready = await ctx.wait_for_condition(
        "ready", charge, initial_state=0, until=lambda state: bool(state), poll=Poll(initial_delay=5), codec=SEALED
    )
    again = await ctx.with_retry("again", lambda c: branch(3, c), retry=Retry(retry_on=is_worth_it), codec=SEALED)
    answer = await ctx.wait_for_callback("answer", charge, timeout=timedelta(days=1), retry=3, codec=SEALED)
    return [many.results(), both.results(), told, ready, again, answer]


@durable_execution
def blocking(event: list[int], ctx: SyncDurableContext) -> Any:
    many = ctx.map("many", event, branch_here, item_name=lambda item, index: f"item {item}", nesting="flat", codec=SEALED)
    both = ctx.parallel("both", [lambda c: branch_here(1, c)], nesting="flat", item_codec=SEALED)
    child = ctx.run_in_child_context("child", lambda c: branch_here(2, c), virtual=True, codec=SEALED)
    told = ctx.invoke("told", "other", event, payload_codec=SEALED)
    return [many.results(), both.results(), child, told]
