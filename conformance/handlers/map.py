"""Suite `map`: one function over many items."""

from __future__ import annotations

from typing import Any

from durable_lambda import BatchResult, Completion, DurableContext
from durable_lambda.batch import BatchItem
from handlers.entry import durable
from handlers.parallel import told


class Prefixed:
    """Stores a string behind a word."""

    def encode(self, value: str) -> str:
        return f"wrapped:{value}"

    def decode(self, payload: str) -> str:
        return payload.removeprefix("wrapped:")


class Joined:
    """Stores a whole batch of strings as one line."""

    def encode(self, value: BatchResult[str]) -> str:
        return "OPSERDE:" + ",".join(value.results())

    def decode(self, payload: str) -> BatchResult[str]:
        results = payload.removeprefix("OPSERDE:").split(",")
        items = [BatchItem(index, None, "SUCCEEDED", result) for index, result in enumerate(results)]
        return BatchResult(items, "ALL_COMPLETED", is_met=True)


def same(value: Any) -> Any:
    return value


async def upper(item: str, ctx: DurableContext) -> str:
    return item.upper()


async def gives_or_fails(item: str, ctx: DurableContext) -> str:
    if item == "fails":
        raise RuntimeError("this item fails")
    return item


async def one_step(item: str, ctx: DurableContext) -> Any:
    return await ctx.step("same", same, item)


async def over(ctx: DurableContext, items: list[str], completion: Completion | None = None) -> BatchResult[str]:
    return await ctx.map("map", items, gives_or_fails, max_concurrency=1, completion=completion)


@durable
async def greetings(event: list[str], ctx: DurableContext) -> list[str]:
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    async def item(name: str, ctx: DurableContext) -> str:
        return await ctx.step("greet", greet, name)

    return (await ctx.map("map", event, item, max_concurrency=1)).results()


@durable
async def unnamed(event: list[int], ctx: DurableContext) -> list[int]:
    async def double(number: int, ctx: DurableContext) -> int:
        return 2 * number

    return (await ctx.map(None, event, double, max_concurrency=1)).results()


@durable
async def with_the_index(event: list[int], ctx: DurableContext) -> list[int]:
    async def add(pair: tuple[int, int], ctx: DurableContext) -> int:
        return sum(pair)

    return (await ctx.map("map", list(enumerate(event)), add, max_concurrency=1)).results()


@durable
async def no_items(event: list[str], ctx: DurableContext) -> list[str]:
    return (await ctx.map("map", event, upper)).results()


@durable
async def fail_fast(event: Any, ctx: DurableContext) -> dict[str, Any]:
    return told(await over(ctx, ["ok", "fails", "never"], Completion.tolerate(failures=0)))


@durable
async def rethrown(event: Any, ctx: DurableContext) -> list[str]:
    return (await over(ctx, ["fails", "never"], Completion.tolerate(failures=0))).results()


@durable
async def enough_successes(event: Any, ctx: DurableContext) -> dict[str, Any]:
    return told(await over(ctx, ["a", "b", "c", "d"], Completion.at_least(2)), "status", "failureCount")


@durable
async def one_failure_tolerated(event: Any, ctx: DurableContext) -> dict[str, Any]:
    return told(await over(ctx, ["a", "fails", "c"], Completion.tolerate(failures=1)))


@durable
async def tolerance_exceeded(event: Any, ctx: DurableContext) -> dict[str, Any]:
    return told(await over(ctx, ["fails", "fails", "never"], Completion.tolerate(failures=1)), "status")


@durable
async def percentage_exceeded(event: Any, ctx: DurableContext) -> dict[str, Any]:
    items = ["fails", "fails", "never", "never"]
    return told(await over(ctx, items, Completion.tolerate(percentage=25)), "status")


@durable
async def two_at_a_time(event: Any, ctx: DurableContext) -> list[str]:
    return (await ctx.map("map", ["r0", "r1", "r2"], gives_or_fails, max_concurrency=2)).results()


@durable
async def flat(event: Any, ctx: DurableContext) -> list[Any]:
    return (await ctx.map("map", ["fa", "fb"], one_step, max_concurrency=1, nesting="flat")).results()


@durable
async def named_items(event: list[int], ctx: DurableContext) -> list[int]:
    async def tenfold(number: int, ctx: DurableContext) -> int:
        return 10 * number

    def name(number: int, index: int) -> str:
        return f"item-{number}"

    return (await ctx.map("map", event, tenfold, max_concurrency=1, item_name=name)).results()


@durable
async def own_item_codec(event: Any, ctx: DurableContext) -> list[str]:
    return (await ctx.map("map", ["x", "y"], upper, max_concurrency=1, item_codec=Prefixed())).results()


@durable
async def one_item_waits(event: Any, ctx: DurableContext) -> list[str]:
    async def item(wait: bool, ctx: DurableContext) -> str:
        if wait:
            await ctx.wait("pause", 1)
        return await ctx.step("result", same, "r1" if wait else "r0", result_type=str)

    return (await ctx.map("map", [False, True], item, max_concurrency=1)).results()


@durable
async def large(event: Any, ctx: DurableContext) -> dict[str, int]:
    async def seventy_kilobytes(letter: str, ctx: DurableContext) -> str:
        return letter * 70_000

    batch = await ctx.map("map", list("abcd"), seventy_kilobytes, max_concurrency=1)
    return {"successCount": batch.success_count, "totalCount": batch.total_count}


@durable
async def replayed(event: Any, ctx: DurableContext) -> list[str]:
    batch = await ctx.map("map", ["a", "b"], upper, max_concurrency=1)
    await ctx.wait("pause", 1)
    return batch.results()


@durable
async def failure_replayed(event: Any, ctx: DurableContext) -> dict[str, Any]:
    batch = await over(ctx, ["ok", "fails"], Completion.tolerate(failures=1))
    await ctx.wait("pause", 1)
    return told(batch)


@durable
async def own_codec(event: Any, ctx: DurableContext) -> list[str]:
    return (await ctx.map("map", ["x", "y"], upper, max_concurrency=1, codec=Joined())).results()


@durable
async def own_codec_replayed(event: Any, ctx: DurableContext) -> list[str]:
    batch = await ctx.map("map", ["x", "y"], upper, max_concurrency=1, codec=Joined())
    await ctx.wait("pause", 1)
    return batch.results()
