"""The programs, with this package. `official.py` has the same ones, under the same names and in the same order."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from decimal import Decimal
from typing import Any

from compatibility.shared import MOMENT, ORDER, OVER_256_KIB, TOO_LARGE_FOR_A_RESPONSE, Declined, decline, fail_until
from durable_lambda import (
    BatchResult,
    Completion,
    DurableContext,
    Poll,
    Retry,
    current_step,
)

Program = Callable[[Any, DurableContext], Coroutine[Any, Any, Any]]
TWO_ATTEMPTS = Retry(max_attempts=3, initial_delay=5, backoff=2, jitter="none")


def then_wait(program: Program) -> Program:
    """The program, and a wait: so each is resumed at least once, after everything that it does."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        result = await program(event, ctx)
        await ctx.wait("then", 1)
        return result

    return handler


async def give(value: Any) -> Any:
    return value


async def refuse(why: str) -> Any:
    return decline(why)


async def submit(callback_id: str) -> None:
    """Somebody is asked."""


async def submit_to_nobody(callback_id: str) -> None:
    decline("nobody is there")


def told(batch: BatchResult[Any]) -> dict[str, Any]:
    return {
        "results": [item.result for item in batch.succeeded],
        "failed": [[item.index, str(item.error)] for item in batch.failed],
        "reason": batch.completion_reason,
        "status": batch.status,
    }


# Steps


async def values(event: Any, ctx: DurableContext) -> Any:
    return [
        await ctx.step("none", give, None),
        await ctx.step("text", give, "naïve ☃ \n"),
        await ctx.step("number", give, -7),
        await ctx.step("fraction", give, 2.5),
        await ctx.step("truth", give, True),
        await ctx.step("list", give, [1, [2, "three"], []]),
        await ctx.step(None, give, "nameless"),
        await ctx.step("event", give, event["given"]),
    ]


async def objects(event: Any, ctx: DurableContext) -> Any:
    order = await ctx.step("order", give, ORDER)
    tagged = await ctx.step("looks tagged", give, {"t": "s", "v": "no tag"})
    return [order, tagged, await ctx.step("orders", give, [order, {}])]


async def plain_objects(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        return await ctx.step("order", give, ORDER)

    return await ctx.run_in_child_context("child", inner)


async def dates(event: Any, ctx: DurableContext) -> Any:
    async def when() -> datetime:
        return MOMENT

    async def price() -> Decimal:
        return Decimal("9.90")

    began = await ctx.step("when", when)
    return [began.isoformat(), str(await ctx.step("price", price) + 1)]


async def retried_step(event: Any, ctx: DurableContext) -> Any:
    async def third_time() -> int:
        return fail_until(current_step().attempt, 3)

    return await ctx.step("flaky", third_time, retry=TWO_ATTEMPTS)


async def failed_step(event: Any, ctx: DurableContext) -> Any:
    try:
        await ctx.step("charge", refuse, "no funds", retry=Retry(max_attempts=2, jitter="none"))
    except Declined as error:
        return await ctx.step("apologise", give, str(error))


async def builtin_error(event: Any, ctx: DurableContext) -> Any:
    try:
        await ctx.step("parse", int, "x", retry=Retry.none())
    except ValueError as error:
        return str(error)


async def at_most_once(event: Any, ctx: DurableContext) -> Any:
    return await ctx.step("charge", give, "paid", at_most_once=True)


# Waits, callbacks, conditions, invokes


async def wait(event: Any, ctx: DurableContext) -> Any:
    await ctx.wait("short", 1)
    await ctx.wait(None, 3600)


async def callback(event: Any, ctx: DurableContext) -> Any:
    handle = await ctx.create_callback("approval", timeout=300, heartbeat_timeout=60)
    await ctx.step("ask", give, "asked")
    return await ctx.callback_result(handle, raw=True)


async def refused_callback(event: Any, ctx: DurableContext) -> Any:
    handle = await ctx.create_callback("approval")
    try:
        return await ctx.callback_result(handle)
    except Exception as error:
        return [type(error).__name__, getattr(error, "error_message", None)]


async def expired_callback(event: Any, ctx: DurableContext) -> Any:
    handle = await ctx.create_callback("approval", timeout=300)
    try:
        return await ctx.callback_result(handle)
    except Exception as error:
        return type(error).__name__


async def wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    named = await ctx.wait_for_callback("approval", submit, timeout=300)
    return [named, await ctx.wait_for_callback(None, submit)]


async def refused_wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    try:
        return await ctx.wait_for_callback("approval", submit)
    except Exception as error:
        return type(error).__name__


async def expired_wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    try:
        return await ctx.wait_for_callback("approval", submit, timeout=300)
    except Exception as error:
        return type(error).__name__


async def failed_submitter(event: Any, ctx: DurableContext) -> Any:
    try:
        return await ctx.wait_for_callback("approval", submit_to_nobody, retry=Retry.none())
    except Exception as error:
        return type(error).__name__


async def condition(event: Any, ctx: DurableContext) -> Any:
    async def count(state: int) -> int:
        return state + 1

    poll = Poll(max_attempts=10, initial_delay=5, backoff=2, jitter="none")
    return await ctx.wait_for_condition("ready", count, initial_state=0, until=lambda state: state == 3, poll=poll)


async def exhausted_condition(event: Any, ctx: DurableContext) -> Any:
    poll = Poll(max_attempts=2, initial_delay=5, backoff=2, jitter="none")
    try:
        await ctx.wait_for_condition("ready", give, initial_state=0, until=bool, poll=poll)
    except Exception as error:
        return type(error).__name__


async def failed_condition(event: Any, ctx: DurableContext) -> Any:
    async def look(state: str) -> str:
        return decline("cannot look")

    try:
        await ctx.wait_for_condition("ready", look, initial_state="", until=bool)
    except Exception as error:
        return str(error)


async def invoke(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("price", "prices", {"sku": "tea"}, tenant_id="tenant-1")


async def invoke_of_nothing(event: Any, ctx: DurableContext) -> Any:
    await ctx.invoke("price", "prices")


async def refused_invoke(event: Any, ctx: DurableContext) -> Any:
    try:
        await ctx.invoke("price", "refuses", "tea")
    except Exception as error:
        return [type(error).__name__, getattr(error, "error_message", None)]


# Child contexts


async def child(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        await ctx.step("in it", give, 1)
        await ctx.wait("in it too", 5)
        return await ctx.step("in it still", give, [2])

    return [await ctx.run_in_child_context("child", inner), await ctx.step("after it", give, 3)]


async def nested_children(event: Any, ctx: DurableContext) -> Any:
    async def level(depth: int, ctx: DurableContext) -> Any:
        if depth == 5:
            return await ctx.step("deepest", give, depth)
        return await ctx.run_in_child_context(f"level {depth + 1}", level, depth + 1)

    return await level(0, ctx)


async def child_of_failures(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        return decline("from the child itself")

    try:
        await ctx.run_in_child_context("child", inner)
    except Exception as error:
        return str(error)


async def child_of_a_failed_step(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        return await ctx.step("charge", refuse, "no funds", retry=Retry.none())

    try:
        await ctx.run_in_child_context("child", inner)
    except Exception:
        return "failed"


async def virtual_child(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        await ctx.step("in it", give, 1)
        await ctx.wait("in it too", 5)
        return await ctx.step("in it still", give, 2)

    return [await ctx.run_in_child_context("child", inner, virtual=True), await ctx.step("after it", give, 3)]


async def large_child(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        return [await ctx.step("in it", give, "y"), OVER_256_KIB]

    return len(await ctx.run_in_child_context("large", inner))


async def large_in_large(event: Any, ctx: DurableContext) -> Any:
    async def inner(ctx: DurableContext) -> Any:
        return [await ctx.step("in it", give, "y"), OVER_256_KIB]

    async def outer(ctx: DurableContext) -> Any:
        large = await ctx.run_in_child_context("inner", inner)
        return [*large, await ctx.step("beside it", give, "z")]

    return [text[:1] for text in await ctx.run_in_child_context("outer", outer)]


async def retried_block(event: Any, ctx: DurableContext) -> Any:
    attempts: list[int] = []

    async def block(ctx: DurableContext) -> Any:
        attempts.append(await ctx.step("attempt", give, len(attempts) + 1))
        return fail_until(attempts[-1], 3)

    named = await ctx.with_retry("block", block, retry=TWO_ATTEMPTS)
    attempts.clear()
    return [named, await ctx.with_retry(None, block, retry=TWO_ATTEMPTS)]


# Batches


async def double(number: int, ctx: DurableContext) -> Any:
    return await ctx.step("double", give, number * 2)


async def fail_on_odd(number: int, ctx: DurableContext) -> Any:
    if number % 2:
        decline(f"{number} is odd")
    return await ctx.step("even", give, number)


async def slow(ctx: DurableContext) -> Any:
    await ctx.wait("slow", 30)
    return await ctx.step("slow is done", give, "slow")


async def quick(ctx: DurableContext) -> Any:
    return await ctx.step("quick is done", give, ["quick"])


async def flaky(ctx: DurableContext) -> Any:
    async def second_time() -> int:
        return fail_until(current_step().attempt, 2)

    return await ctx.step("flaky", second_time, retry=TWO_ATTEMPTS)


async def asks(ctx: DurableContext) -> Any:
    return await ctx.callback_result(await ctx.create_callback("approval"), raw=True)


async def parallel(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.parallel("both", [quick, slow]))


async def flat_parallel(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.parallel("both", [quick, slow], nesting="flat"))


async def named_branches(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.parallel(None, {"one": quick, "other": slow}))


async def waiting_branches(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.parallel("all", [slow, flaky, asks, quick]))


async def one_branch(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.parallel("only", [quick]))


async def failed_branch(event: Any, ctx: DurableContext) -> Any:
    async def fails(ctx: DurableContext) -> Any:
        return decline("no")

    return told(await ctx.parallel("both", [quick, fails, quick], max_concurrency=1))


async def parallel_in_child_in_parallel(event: Any, ctx: DurableContext) -> Any:
    async def innermost(ctx: DurableContext) -> Any:
        return told(await ctx.parallel("inner", [quick, slow]))

    async def branch(ctx: DurableContext) -> Any:
        return await ctx.run_in_child_context("child", innermost)

    return told(await ctx.parallel("outer", [branch, quick]))


async def map(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2, 3], double))


async def named_items(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2], double, item_name=lambda item, index: f"item {item} at {index}"))


async def empty_map(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("none", [], double))


async def window(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2, 3, 4], double, max_concurrency=2))


async def flat_map(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2, 3], double, nesting="flat"))


async def first_successful(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.first_successful()
    return told(await ctx.map("each", [1, 2, 4], fail_on_odd, max_concurrency=1, completion=completion))


async def at_least(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2, 4, 6], fail_on_odd, max_concurrency=1, completion=Completion.at_least(2)))


async def at_least_unreached(event: Any, ctx: DurableContext) -> Any:
    return told(await ctx.map("each", [1, 2], fail_on_odd, max_concurrency=1, completion=Completion.at_least(2)))


async def tolerated_failures(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.tolerate(failures=1)
    return told(await ctx.map("each", [1, 2, 4], fail_on_odd, max_concurrency=1, completion=completion))


async def too_many_failures(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.tolerate(failures=1)
    return told(await ctx.map("each", [1, 3, 4], fail_on_odd, max_concurrency=1, completion=completion))


async def too_large_a_part(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.tolerate(percentage=25)
    return told(await ctx.map("each", [2, 1, 3, 4], fail_on_odd, max_concurrency=1, completion=completion))


async def all_completed(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.all_completed()
    return told(await ctx.map("each", [1, 2, 3], fail_on_odd, max_concurrency=1, completion=completion))


async def decided_by_predicate(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.when(lambda progress: "FAILED" if progress.failure_count else None)
    return told(await ctx.map("each", [2, 1, 4], fail_on_odd, max_concurrency=1, completion=completion))


async def large_map(event: Any, ctx: DurableContext) -> Any:
    async def grow(item: int, ctx: DurableContext) -> Any:
        return [await ctx.step("small", give, item), OVER_256_KIB[: 150 * 1024]]

    batch = await ctx.map("each", [1, 2, 3], grow, max_concurrency=1, completion=Completion.at_least(2))
    return [[item.index, item.result[0]] for item in batch.succeeded]


async def large_flat_map(event: Any, ctx: DurableContext) -> Any:
    async def grow(item: int, ctx: DurableContext) -> Any:
        return [await ctx.step("small", give, item), OVER_256_KIB[: 150 * 1024]]

    batch = await ctx.map("each", [1, 2], grow, nesting="flat")
    return [[item.index, item.result[0]] for item in batch.succeeded]


# Endings


async def large_result(event: Any, ctx: DurableContext) -> Any:
    return TOO_LARGE_FOR_A_RESPONSE


async def failure(event: Any, ctx: DurableContext) -> Any:
    await ctx.step("before", give, 1)
    decline("the whole of it")


async def everything(event: Any, ctx: DurableContext) -> Any:
    async def deliver(line: Any, ctx: DurableContext) -> Any:
        await ctx.wait("on its way", 60)
        return await ctx.step("delivered", give, line["sku"])

    async def report(ctx: DurableContext) -> Any:
        return [await ctx.step("count", give, 2), OVER_256_KIB]

    async def third_time() -> int:
        return fail_until(current_step().attempt, 3)

    order = await ctx.step("order", give, ORDER)
    attempts = await ctx.step("reserve", third_time, retry=TWO_ATTEMPTS)
    approval = await ctx.create_callback("approval")
    answer = await ctx.callback_result(approval, raw=True)
    delivered = told(await ctx.map("deliver", order["lines"], deliver, max_concurrency=1))
    report_length = len(await ctx.run_in_child_context("report", report))
    branches = told(await ctx.parallel("rest", [slow, flaky, quick]))
    return [order["id"], attempts, answer, delivered, report_length, branches]
