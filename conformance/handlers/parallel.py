"""Suite `parallel`: branches, when they are enough, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import msgspec

from durable_lambda import BatchResult, Completion, DurableContext
from handlers.entry import durable

Branch: TypeAlias = Callable[[DurableContext], Coroutine[Any, Any, Any]]


class Wrapped:
    """Stores a value in an envelope."""

    def encode(self, value: Any) -> str:
        return msgspec.json.encode({"wrapped": value}).decode()

    def decode(self, payload: str) -> Any:
        return msgspec.json.decode(payload)["wrapped"]


def gives(value: Any) -> Branch:
    async def branch(ctx: DurableContext) -> Any:
        return value

    return branch


def fails() -> Branch:
    async def branch(ctx: DurableContext) -> Any:
        raise RuntimeError("this branch fails")

    return branch


def steps(value: Any) -> Branch:
    def body() -> Any:
        return value

    async def branch(ctx: DurableContext) -> Any:
        return await ctx.step("value", body)

    return branch


def told(batch: BatchResult[Any], *without: str) -> dict[str, Any]:
    """What the requirements ask of a batch. They count the branches that were begun; `total_count` counts all."""
    everything = {
        "completionReason": batch.completion_reason,
        "status": batch.status,
        "successCount": batch.success_count,
        "failureCount": batch.failure_count,
        "totalCount": batch.success_count + batch.failure_count,
    }
    return {key: value for key, value in everything.items() if key not in without}


@durable
async def steps_in_branches(event: Any, ctx: DurableContext) -> list[Any]:
    batch = await ctx.parallel("parallel", [steps("task-1"), steps("task-2")], max_concurrency=1)
    return batch.results()


@durable
async def unnamed(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel(None, [gives("alpha"), gives("beta")], max_concurrency=1)).results()


@durable
async def named_branches(event: Any, ctx: DurableContext) -> list[Any]:
    batch = await ctx.parallel("parallel", {"first": gives("one"), "second": gives("two")}, max_concurrency=1)
    return batch.results()


@durable
async def several_types(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel("parallel", [gives("hello"), gives(42), gives({"k": "v"})], max_concurrency=1)).results()


@durable
async def no_branches(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel("parallel", [])).results()


@durable
async def fail_fast(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [gives("ok"), fails(), gives("never")],
        max_concurrency=1,
        completion=Completion.tolerate(failures=0),
    )
    return told(batch)


@durable
async def rethrown(event: Any, ctx: DurableContext) -> list[Any]:
    batch = await ctx.parallel(
        "parallel", [fails(), gives("never")], max_concurrency=1, completion=Completion.tolerate(failures=0)
    )
    return batch.results()


@durable
async def enough_successes(event: Any, ctx: DurableContext) -> dict[str, Any]:
    branches = [gives(f"r{index}") for index in range(4)]
    batch = await ctx.parallel("parallel", branches, max_concurrency=1, completion=Completion.at_least(2))
    return told(batch, "status", "failureCount")


@durable
async def one_failure_tolerated(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [gives("a"), fails(), gives("c")],
        max_concurrency=1,
        completion=Completion.tolerate(failures=1),
    )
    return told(batch)


@durable
async def tolerance_exceeded(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [fails(), fails(), gives("never")],
        max_concurrency=1,
        completion=Completion.tolerate(failures=1),
    )
    return told(batch, "status")


@durable
async def two_at_a_time(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel("parallel", [gives("r0"), gives("r1"), gives("r2")], max_concurrency=2)).results()


@durable
async def flat(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel("parallel", [steps("fa"), steps("fb")], max_concurrency=1, nesting="flat")).results()


@durable
async def percentage_exceeded(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [fails(), fails(), gives("never"), gives("never")],
        max_concurrency=1,
        completion=Completion.tolerate(percentage=25),
    )
    return told(batch, "status")


@durable
async def one_branch_waits(event: Any, ctx: DurableContext) -> list[Any]:
    async def waits(ctx: DurableContext) -> str:
        await ctx.wait("pause", 2)
        return "b1"

    return (await ctx.parallel("parallel", [steps("b0"), waits], max_concurrency=1)).results()


@durable
async def own_codec(event: Any, ctx: DurableContext) -> list[Any]:
    batch = await ctx.parallel("parallel", [gives("x"), gives("y")], max_concurrency=1, item_codec=Wrapped())
    return batch.results()


@durable
async def all_fail_tolerated(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel", [fails(), fails(), fails()], max_concurrency=1, completion=Completion.tolerate(failures=3)
    )
    return told(batch)


@durable
async def too_few_successes(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel", [gives("a"), fails(), gives("c")], max_concurrency=1, completion=Completion.at_least(3)
    )
    return told(batch)


@durable
async def both_bounds(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [fails(), fails(), gives("never"), gives("never")],
        max_concurrency=1,
        completion=Completion(min_successful=3, tolerated_failures=1),
    )
    return told(batch, "status")


@durable
async def invalid_concurrency(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.parallel("parallel", [gives(1), gives(2)], max_concurrency=0)).results()


@durable
async def accessors(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [gives("a"), fails(), gives("c")],
        max_concurrency=1,
        completion=Completion.tolerate(failures=1),
    )
    return {
        "hasFailure": bool(batch.failed),
        "successCount": len(batch.succeeded),
        "failureCount": len(batch.failed),
        "errorCount": len(batch.errors()),
    }


@durable
async def nested(event: Any, ctx: DurableContext) -> list[Any]:
    async def inner(ctx: DurableContext) -> list[Any]:
        return (await ctx.parallel("inner", [steps("i1"), steps("i2")], max_concurrency=1)).results()

    return (await ctx.parallel("outer", [inner], max_concurrency=1)).results()


@durable
async def percentage_met(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await ctx.parallel(
        "parallel",
        [fails(), gives("b"), gives("c"), gives("d")],
        max_concurrency=1,
        completion=Completion.tolerate(percentage=25),
    )
    return told(batch)
