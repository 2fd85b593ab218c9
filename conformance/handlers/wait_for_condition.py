"""Suite `wait_for_condition`: states, delays, and the end of patience."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from durable_lambda import DurableContext, Poll
from handlers.entry import durable

EVERY_SECOND = Poll(initial_delay=1, max_delay=1, backoff=1.0, jitter="none")


class Job(msgspec.Struct):
    status: str
    attempts: int


class Base64:
    """Stores a string as base64."""

    def encode(self, value: str) -> str:
        return base64.b64encode(value.encode()).decode()

    def decode(self, payload: str) -> str:
        return base64.b64decode(payload).decode()


def one_more(state: int) -> int:
    return state + 1


def broken(state: int) -> int:
    raise RuntimeError("the check fails")


@durable
async def counts(event: int, ctx: DurableContext) -> int:
    return await ctx.wait_for_condition(
        None, one_more, initial_state=0, until=lambda state: state >= event, poll=EVERY_SECOND
    )


@durable
async def met_at_once(event: int, ctx: DurableContext) -> int:
    def same(state: int) -> int:
        return state

    return await ctx.wait_for_condition(None, same, initial_state=5, until=lambda state: state >= 5, poll=EVERY_SECOND)


@durable
async def named(event: int, ctx: DurableContext) -> int:
    return await ctx.wait_for_condition(
        "poll-status", one_more, initial_state=0, until=lambda state: state >= event, poll=EVERY_SECOND
    )


@durable
async def from_five(event: int, ctx: DurableContext) -> int:
    return await ctx.wait_for_condition(
        None, one_more, initial_state=5, until=lambda state: state >= event, poll=EVERY_SECOND
    )


@durable
async def every_two_seconds(event: int, ctx: DurableContext) -> int:
    poll = Poll(initial_delay=2, max_delay=2, backoff=1.0, jitter="none")
    return await ctx.wait_for_condition(None, one_more, initial_state=0, until=lambda state: state >= event, poll=poll)


@durable
async def out_of_patience(event: Any, ctx: DurableContext) -> int:
    poll = Poll(max_attempts=3, initial_delay=1, max_delay=1, backoff=1.0, jitter="none")
    return await ctx.wait_for_condition(None, one_more, initial_state=0, until=lambda state: False, poll=poll)


@durable
async def check_fails(event: Any, ctx: DurableContext) -> int:
    return await ctx.wait_for_condition(None, broken, initial_state=0, until=lambda state: True, poll=EVERY_SECOND)


@durable
async def failure_caught(event: Any, ctx: DurableContext) -> str:
    try:
        await ctx.wait_for_condition(None, broken, initial_state=0, until=lambda state: True, poll=EVERY_SECOND)
    except RuntimeError:
        return "recovered"
    return "nothing was raised"


@durable
async def structured_state(event: Any, ctx: DurableContext) -> Job:
    def look(job: Job) -> Job:
        attempts = job.attempts + 1
        return Job("DONE" if attempts >= 2 else job.status, attempts)

    return await ctx.wait_for_condition(
        None, look, initial_state=Job("PENDING", 0), until=lambda job: job.status == "DONE", poll=EVERY_SECOND
    )


@durable
async def no_state(event: Any, ctx: DurableContext) -> None:
    def nothing(state: None) -> None:
        return None

    return await ctx.wait_for_condition(None, nothing, initial_state=None, until=lambda _: True, poll=EVERY_SECOND)


@durable
async def own_codec(event: Any, ctx: DurableContext) -> str:
    def longer(state: str) -> str:
        return state + "x"

    return await ctx.wait_for_condition(
        None,
        longer,
        initial_state="",
        until=lambda state: len(state) >= 2,
        poll=EVERY_SECOND,
        codec=Base64(),
    )


@durable
async def then_a_step(event: int, ctx: DurableContext) -> int:
    def tenfold(state: int) -> int:
        return 10 * state

    state = await ctx.wait_for_condition(
        None, one_more, initial_state=0, until=lambda state: state >= event, poll=EVERY_SECOND
    )
    return await ctx.step("tenfold", tenfold, state)


@durable
async def two(event: Any, ctx: DurableContext) -> int:
    first = await ctx.wait_for_condition(
        "first", one_more, initial_state=0, until=lambda state: state >= 2, poll=EVERY_SECOND
    )
    return await ctx.wait_for_condition(
        "second", one_more, initial_state=first, until=lambda state: state >= 4, poll=EVERY_SECOND
    )
