"""Chance in steps, chance with a seed, and what only looks like chance."""

import random
import secrets
import uuid
from uuid import uuid4

from durable_lambda import DurableContext, durable_execution


async def draw() -> int:
    return random.randint(1, 6)


@durable_execution
async def in_steps(event: dict, ctx: DurableContext) -> str:
    await ctx.step("draw", draw)
    await ctx.step("id", uuid4)
    token = await ctx.step("token", secrets.token_hex, 16)
    return await ctx.step("key", lambda: str(uuid.uuid4()) + token)


@durable_execution
async def of_the_context(event: dict, ctx: DurableContext) -> tuple:
    generator = ctx.random()
    return ctx.uuid(), generator.choice([1, 2]), ctx.random().random()


@durable_execution
async def seeded(event: dict, ctx: DurableContext) -> tuple:
    generator = random.Random(event["seed"])
    return generator.random(), uuid.uuid5(uuid.NAMESPACE_URL, event["url"]), uuid.UUID(event["id"])


@durable_execution
async def of_the_event(event: dict, ctx: DurableContext) -> str:
    random = event["random"]
    return random.choice("abc")


@durable_execution
async def compared(event: dict, ctx: DurableContext) -> bool:
    return secrets.compare_digest(event["token"], "x")


def not_durable() -> float:
    return random.random()


@durable_execution
async def in_a_nested_body(event: dict, ctx: DurableContext) -> None:
    async def left(ctx: DurableContext) -> None:
        async def body() -> float:
            return random.random()

        await ctx.step("body", body)

    await ctx.run_in_child_context("left", left)


@durable_execution
async def a_token_is_compared(event: dict, ctx: DurableContext, uuid4=None) -> None:
    if uuid4:
        uuid4()


def drawing(ctx: DurableContext):
    return ctx.step("draw", random.random)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> float:
    return ctx.step("draw", random.random)
