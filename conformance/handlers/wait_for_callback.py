"""Suite `wait_for_callback`: a callback whose id a step hands out."""

from __future__ import annotations

from typing import Any

from durable_lambda import CallbackError, CallbackTimeoutError, DurableContext, Retry
from handlers.entry import durable


def submit(callback_id: str) -> None:
    """Nobody is told: the tests find the id in the history."""


def refuse(callback_id: str) -> None:
    raise RuntimeError("nobody takes the id")


@durable
async def named_by_the_input(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, submit)


@durable
async def approval(event: Any, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback("approval", submit)


@durable
async def anonymous(event: Any, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(None, lambda callback_id: None)


@durable
async def times_out(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, submit, timeout=3)


@durable
async def failure_caught(event: str, ctx: DurableContext) -> Any:
    try:
        return await ctx.wait_for_callback(event, submit)
    except CallbackError:
        return "recovered"


@durable
async def submitter_fails(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, refuse, retry=Retry.fixed(max_attempts=2, delay=1))


@durable
async def in_a_child(event: str, ctx: DurableContext) -> Any:
    async def wrapper(ctx: DurableContext) -> Any:
        return await ctx.wait_for_callback(event, submit)

    return await ctx.run_in_child_context("wrapper", wrapper)


@durable
async def two(event: Any, ctx: DurableContext) -> Any:
    await ctx.wait_for_callback("first", submit)
    return await ctx.wait_for_callback("second", submit)


@durable
async def among_others(event: str, ctx: DurableContext) -> Any:
    def data() -> dict[str, Any]:
        return {"userId": 42, "name": "Ada"}

    await ctx.wait("pause", 1)
    await ctx.step("data", data)
    return await ctx.wait_for_callback(event, submit)


@durable
async def decoded(event: str, ctx: DurableContext) -> str:
    answer = await ctx.wait_for_callback(event, submit, result_type=dict[str, str])
    return answer["status"]


@durable
async def misses_its_heartbeat(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, submit, heartbeat_timeout=5)


@durable
async def kept_alive(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, submit, heartbeat_timeout=10)


@durable
async def timeout_caught(event: str, ctx: DurableContext) -> Any:
    try:
        return await ctx.wait_for_callback(event, submit, timeout=3)
    except CallbackTimeoutError:
        return "timed-out-handled"


@durable
async def empty_answer(event: str, ctx: DurableContext) -> Any:
    return await ctx.wait_for_callback(event, submit)
