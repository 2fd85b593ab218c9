"""Chance, drawn in durable code."""

import os
import random
import secrets
import uuid
from random import choice, Random
from uuid import uuid4 as new_id

from durable_lambda import DurableContext, durable_execution

dice = random.SystemRandom


async def work(*args: object) -> None: ...


@durable_execution
async def ids(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, uuid.uuid4())  # DUR002
    key = str(new_id())  # DUR002
    await ctx.step("work", work, key, uuid.uuid1().hex)  # DUR002


@durable_execution
async def numbers(event: dict, ctx: DurableContext) -> None:
    if random.random() < 0.5:  # DUR002
        await ctx.step("work", work)
    random.shuffle(event["lines"])  # DUR002
    await ctx.wait("a while", random.randint(1, 60))  # DUR002


@durable_execution
async def secrets_of(event: dict, ctx: DurableContext) -> bytes:
    token = secrets.token_hex(16)  # DUR002
    await ctx.step("work", work, token)
    return os.urandom(8)  # DUR002


@durable_execution
async def unseeded(event: dict, ctx: DurableContext) -> None:
    generator = Random()  # DUR002
    other = dice()  # DUR002
    await ctx.step("work", work, generator.random(), other.random())


@durable_execution
async def in_a_branch(event: dict, ctx: DurableContext) -> None:
    async def left(ctx: DurableContext) -> str:
        return choice("abc")  # DUR002

    await ctx.first("race", left=left, right=lambda ctx: ctx.step("work", work))


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    for _ in range(random.choice([1, 2])):  # DUR002
        ctx.step("work", work)


class Shuffled:
    def __init__(self, items: list) -> None:
        self.items = random.sample(items, len(items))  # DUR002


@durable_execution
async def in_a_constructor(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, Shuffled(event["items"]).items)
