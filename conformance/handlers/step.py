"""Suite `step`: bodies, results, retries, and attempts that a crash cuts off."""

from __future__ import annotations

from typing import Any

from durable_lambda import DurableContext, Retry, StepInterruptedError, current_step
from handlers.entry import crash, durable


class TransientError(Exception):
    """Worth another attempt."""


class UpperCase:
    """Stores a string in capitals, as it is."""

    def encode(self, value: str) -> str:
        return value.upper()

    def decode(self, payload: str) -> str:
        return payload


def greet(name: str) -> str:
    return f"Hello, {name}!"


def fail() -> None:
    raise RuntimeError("this step always fails")


@durable
async def greeting(event: str, ctx: DurableContext) -> str:
    return await ctx.step(None, greet, event)


@durable
async def named_greeting(event: str, ctx: DurableContext) -> str:
    return await ctx.step("custom_step_name", greet, event)


@durable
async def one_after_the_other(event: Any, ctx: DurableContext) -> str:
    def first() -> str:
        return "first"

    def second(before: str) -> str:
        return f"{before}_second"

    return await ctx.step("second", second, await ctx.step("first", first))


@durable
async def nested_result(event: dict[str, Any], ctx: DurableContext) -> dict[str, Any]:
    def describe() -> dict[str, Any]:
        return {"user": event, "count": len(event["tags"])}

    return await ctx.step("describe", describe)


@durable
async def no_result(event: Any, ctx: DurableContext) -> None:
    def nothing() -> None:
        return None

    return await ctx.step("nothing", nothing)


@durable
async def own_codec(event: str, ctx: DurableContext) -> str:
    def repeat() -> str:
        return event

    return await ctx.step("repeat", repeat, codec=UpperCase())


@durable
async def logs_in_a_step(event: str, ctx: DurableContext) -> str:
    def greet_and_log() -> str:
        logger = current_step().logger
        logger.info("Greeting step started for: %s", event)
        greeting = greet(event)
        logger.info("Greeting step completed with: %s", greeting)
        return greeting

    return await ctx.step("greet", greet_and_log)


@durable
async def replayed(event: Any, ctx: DurableContext) -> str:
    def compute() -> str:
        return "computed"

    result = await ctx.step("compute", compute)
    await ctx.wait("pause", 2)
    return result


@durable
async def result_from_the_history(event: Any, ctx: DurableContext) -> str:
    def value() -> str:
        return "cached_value"

    result = await ctx.step("value", value)
    await ctx.wait("pause", 1)
    return result


@durable
async def failure_from_the_history(event: Any, ctx: DurableContext) -> str:
    try:
        await ctx.step("fail", fail, retry=Retry.none())
        caught = "nothing"
    except RuntimeError as error:
        caught = str(error)
    await ctx.wait("pause", 1)
    return caught


@durable
async def second_attempt(event: Any, ctx: DurableContext) -> str:
    def flaky() -> str:
        if current_step().attempt == 1:
            raise RuntimeError("not yet")
        return "Operation succeeded"

    return await ctx.step("flaky", flaky, retry=Retry.fixed(max_attempts=3, delay=1))


@durable
async def four_attempts(event: Any, ctx: DurableContext) -> None:
    await ctx.step("fail", fail, retry=Retry.fixed(max_attempts=4, delay=1))


@durable
async def default_retry(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("flaky", third_time)


@durable
async def exact_delays(event: Any, ctx: DurableContext) -> str:
    retry = Retry(max_attempts=5, initial_delay=2, backoff=3.0, max_delay=60, jitter="none")
    return await ctx.step("flaky", third_time, retry=retry)


def third_time() -> str:
    if current_step().attempt < 3:
        raise RuntimeError("not yet")
    return "third time"


def transient_once() -> str:
    if current_step().attempt == 1:
        raise TransientError("try again")
    return "recovered"


@durable
async def retries_what_it_names(event: Any, ctx: DurableContext) -> str:
    retry = Retry(max_attempts=3, initial_delay=1, jitter="none", retry_on=TransientError)
    return await ctx.step("flaky", transient_once, retry=retry)


@durable
async def retries_nothing_else(event: Any, ctx: DurableContext) -> str:
    retry = Retry(max_attempts=3, initial_delay=1, jitter="none", retry_on=ValueError)
    return await ctx.step("flaky", transient_once, retry=retry)


@durable
async def crash_without_another_attempt(event: str, ctx: DurableContext) -> None:
    def die() -> None:
        current_step().logger.info("about to crash: %s", event)
        crash()

    await ctx.step("at_most_once_flaky_step", die, at_most_once=True, retry=Retry.none())


@durable
async def crash_with_another_attempt(event: str, ctx: DurableContext) -> str:
    def die_once() -> str:
        current_step().logger.info("attempt for %s", event)
        if current_step().attempt == 1:
            crash()
        return "succeeded on second attempt"

    retry = Retry(max_attempts=2, initial_delay=1, jitter="none", retry_on=StepInterruptedError)
    return await ctx.step("die once", die_once, at_most_once=True, retry=retry)


@durable
async def no_retries(event: Any, ctx: DurableContext) -> None:
    await ctx.step("fail", fail, retry=Retry.none())


@durable
async def caught(event: Any, ctx: DurableContext) -> str:
    def fall_back() -> str:
        return "fallback_result"

    try:
        await ctx.step("fail", fail, retry=Retry.none())
    except RuntimeError:
        return await ctx.step("fall back", fall_back)
    return "nothing was raised"
