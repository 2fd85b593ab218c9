"""Clocks where they may be: in steps, in code that is not durable, and those that only measure."""

import time
from datetime import UTC, datetime, timedelta
from time import perf_counter

from durable_lambda import DurableContext, durable_execution

STARTED = time.time()


async def stamp() -> float:
    return time.time()


def fmt(moment: datetime) -> str:
    return moment.strftime("%Y")


@durable_execution
async def in_steps(event: dict, ctx: DurableContext) -> None:
    await ctx.step("stamp", stamp)
    await ctx.step("time", time.time)
    await ctx.step("lambda", lambda: datetime.now(UTC))

    async def inner() -> datetime:
        def deeper() -> datetime:
            return datetime.now(UTC)

        return deeper()

    await ctx.step("inner", inner)


@durable_execution
async def recorded(event: dict, ctx: DurableContext) -> str:
    now = await ctx.now()
    return fmt(now + timedelta(days=1))


@durable_execution
async def measured(event: dict, ctx: DurableContext) -> None:
    since = perf_counter()
    await ctx.step("stamp", stamp)
    ctx.logger.info("took %s", perf_counter() - since)
    metrics.put("took", time.monotonic() - since)


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext, time=None) -> None:
    if time is not None:
        time.time()
    datetime = event["clock"]
    await ctx.step("stamp", stamp, datetime.now())


@durable_execution
async def of_given_moments(event: dict, ctx: DurableContext) -> tuple:
    return time.gmtime(0), time.strftime("%Y", time.gmtime(0)), datetime.fromtimestamp(event["at"], UTC)


@durable_execution
async def a_condition_is_a_step(event: dict, ctx: DurableContext) -> None:
    def look(state: float) -> float:
        return time.time()

    await ctx.wait_for_condition("ready", look, initial_state=0.0, until=lambda state: state > event["end"])


def not_durable() -> float:
    return time.time()


class Cache:
    def age(self) -> float:
        return time.time() - STARTED


@durable_execution
async def clock_that_is_handed_in(event: dict, ctx: DurableContext, clock=time.time) -> None:
    clock()


@durable_execution
async def a_submitter_is_a_step(event: dict, ctx: DurableContext) -> None:
    async def submit(callback_id: str) -> None:
        time.time()

    await ctx.wait_for_callback("answer", submit)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> datetime:
    ctx.step("stamp", time.time)
    return ctx.now()


class metrics:
    @staticmethod
    def put(name: str, value: float) -> None: ...
