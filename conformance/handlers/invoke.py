"""Suite `invoke`: other functions, durable and plain, their results and failures."""

from __future__ import annotations

import os
from typing import Any

from durable_lambda import DurableContext, InvokeError
from handlers.entry import durable

ECHO = os.environ.get("ECHO", "InvokeEcho:$LATEST")
BROKEN = os.environ.get("BROKEN", "InvokeBroken:$LATEST")


class ShoutedPayload:
    """Sends JSON in capitals."""

    def encode(self, value: str) -> str:
        return f'"{value.upper()}"'

    def decode(self, payload: str) -> str:
        return payload.strip('"')


class ShoutedResult:
    """Takes a result as the text that it is, in capitals."""

    def encode(self, value: str) -> str:
        return value

    def decode(self, payload: str) -> str:
        return payload.upper()


def shout(value: Any) -> str:
    return f"{value}!"


def value() -> str:
    return "from a step"


# Targets


@durable
async def echo(event: Any, ctx: DurableContext) -> Any:
    return event


@durable
async def broken(event: Any, ctx: DurableContext) -> None:
    raise RuntimeError("the target always fails")


# Callers


@durable
async def basic(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke(None, ECHO, event)


@durable
async def named(event: dict[str, str], ctx: DurableContext) -> Any:
    return await ctx.invoke(event["name"], ECHO, event["payload"])


@durable
async def nothing(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("echo", ECHO, None)


@durable
async def failure(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("broken", BROKEN)


@durable
async def failure_caught(event: Any, ctx: DurableContext) -> str:
    try:
        await ctx.invoke("broken", BROKEN)
    except InvokeError:
        return "fallback"
    return "nothing was raised"


@durable
async def large_payload(event: Any, ctx: DurableContext) -> int:
    return len(await ctx.invoke("echo", ECHO, "x" * 1_000_000))


@durable
async def with_a_tenant(event: dict[str, str], ctx: DurableContext) -> Any:
    return await ctx.invoke("echo", ECHO, event["payload"], tenant_id=event["tenantId"])


@durable
async def replayed(event: Any, ctx: DurableContext) -> Any:
    result = await ctx.invoke("echo", ECHO, "once")
    await ctx.wait("pause", 1)
    return result


@durable
async def failure_from_the_history(event: Any, ctx: DurableContext) -> str:
    try:
        await ctx.invoke("broken", BROKEN)
        caught = "nothing"
    except InvokeError as error:
        caught = error.code
    await ctx.wait("pause", 1)
    return caught


@durable
async def after_a_step(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("echo", ECHO, await ctx.step("value", value))


@durable
async def before_a_step(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("shout", shout, await ctx.invoke("echo", ECHO, "hello"))


@durable
async def in_a_child(event: Any, ctx: DurableContext) -> Any:
    async def child(ctx: DurableContext) -> Any:
        return await ctx.invoke("echo", ECHO, "from a child")

    return await ctx.run_in_child_context("child", child)


@durable
async def two(event: Any, ctx: DurableContext) -> list[Any]:
    return [await ctx.invoke("first", ECHO, 1), await ctx.invoke("second", ECHO, 2)]


@durable
async def own_payload_codec(event: dict[str, str], ctx: DurableContext) -> Any:
    return await ctx.invoke("echo", ECHO, event["data"], payload_codec=ShoutedPayload())


@durable
async def own_result_codec(event: str, ctx: DurableContext) -> Any:
    return await ctx.invoke("echo", ECHO, event, codec=ShoutedResult())
