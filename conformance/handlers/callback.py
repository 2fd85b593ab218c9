"""Suite `callback`: answers from outside, time-outs, and what the handler does meanwhile.

Results are taken as the string that was sent (`raw=True`) where a requirement speaks of the payload itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from durable_lambda import CallbackError, CallbackExternalError, CallbackTimeoutError, DurableContext
from handlers.entry import durable


class Notice(msgspec.Struct):
    """What is sent for 4-15."""

    id: str
    message: str
    timestamp: datetime


def work() -> str:
    return "done"


@durable
async def named_by_the_input(event: str, ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback(event), raw=True)


@durable
async def approval(event: Any, ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback("approval"), raw=True)


@durable
async def times_out(event: str, ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback(event, timeout=5), raw=True)


@durable
async def misses_its_heartbeat(event: str, ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback(event, heartbeat_timeout=5), raw=True)


@durable
async def kept_alive(event: str, ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback(event, heartbeat_timeout=10), raw=True)


@durable
async def rejected(event: str, ctx: DurableContext) -> str:
    """What is asked for is the answer's message alone; our error's text names the operation and the id as well."""
    try:
        return await ctx.callback_result(await ctx.create_callback(event), raw=True)
    except CallbackExternalError as error:
        raise CallbackError(error.error_message or "") from error


@durable
async def rejected_after_a_step(event: str, ctx: DurableContext) -> str:
    handle = await ctx.create_callback(event)
    await ctx.step("work", work)
    return await ctx.callback_result(handle, raw=True)


@durable
async def times_out_after_a_step(event: str, ctx: DurableContext) -> str:
    handle = await ctx.create_callback(event, timeout=5)
    await ctx.step("work", work)
    return await ctx.callback_result(handle, raw=True)


@durable
async def answered_during_a_wait(event: str, ctx: DurableContext) -> str:
    handle = await ctx.create_callback(event)
    await ctx.wait("pause", 5)
    return await ctx.callback_result(handle, raw=True)


@durable
async def times_out_during_a_wait(event: str, ctx: DurableContext) -> str:
    handle = await ctx.create_callback(event, timeout=3)
    await ctx.wait("pause", 6)
    return await ctx.callback_result(handle, raw=True)


@durable
async def waits_afterwards(event: str, ctx: DurableContext) -> str:
    result = await ctx.callback_result(await ctx.create_callback(event), raw=True)
    await ctx.wait("pause", 2)
    return result


@durable
async def failure_caught(event: str, ctx: DurableContext) -> str:
    try:
        return await ctx.callback_result(await ctx.create_callback(event), raw=True)
    except CallbackExternalError as error:
        message = str(error)
    await ctx.wait("pause", 2)
    return message


@durable
async def timeout_caught(event: str, ctx: DurableContext) -> str:
    try:
        return await ctx.callback_result(await ctx.create_callback(event, timeout=3), raw=True)
    except CallbackTimeoutError as error:
        message = str(error)
    await ctx.wait("pause", 2)
    return message


@durable
async def typed_answer(event: str, ctx: DurableContext) -> dict[str, Any]:
    notice = await ctx.callback_result(await ctx.create_callback(event), Notice)
    seconds = int(notice.timestamp.timestamp())
    return {"received": {"id": notice.id, "message": notice.message, "timestamp": seconds}}


@durable
async def number(event: str, ctx: DurableContext) -> dict[str, int]:
    count = await ctx.callback_result(await ctx.create_callback(event), int)
    return {"count": count, "doubled": 2 * count}


@durable
async def one_after_the_other(event: list[str], ctx: DurableContext) -> list[str]:
    first = await ctx.callback_result(await ctx.create_callback(event[0]), raw=True)
    second = await ctx.callback_result(await ctx.create_callback(event[1]), raw=True)
    return [first, second]


@durable
async def both_open(event: list[str], ctx: DurableContext) -> list[str]:
    first = await ctx.create_callback(event[0])
    second = await ctx.create_callback(event[1])
    return [await ctx.callback_result(first, raw=True), await ctx.callback_result(second, raw=True)]


@durable
async def last_one_first(event: list[str], ctx: DurableContext) -> list[str]:
    first = await ctx.create_callback(event[0])
    second = await ctx.create_callback(event[1])
    late = await ctx.callback_result(second, raw=True)
    return [await ctx.callback_result(first, raw=True), late]
