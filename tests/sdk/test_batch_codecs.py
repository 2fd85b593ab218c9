"""Codecs of batches: one for the result of each branch or item, and one for the result of them all."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import BatchResult, Completion, DeserializationError, DurableContext
from durable_lambda.batch import BatchItem


class Shout:
    """Stores a string behind a mark, which is no JSON, and counts what it read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode(self, value: str) -> str:
        return f"!{value}"

    def decode(self, payload: str) -> str:
        self.read.append(payload)
        assert payload.startswith("!")
        return payload[1:]


class Joined:
    """Stores a batch of strings as one line."""

    def encode(self, value: BatchResult[str]) -> str:
        return ",".join(value.results())

    def decode(self, payload: str) -> BatchResult[str]:
        items = [BatchItem(index, None, "SUCCEEDED", text) for index, text in enumerate(payload.split(","))]
        return BatchResult(items, "ALL_COMPLETED", is_met=True)


async def upper(text: str, ctx: DurableContext) -> str:
    return text.upper()


async def waits_then(ctx: DurableContext, result: Any) -> Any:
    """So that the next invocation replays what came before."""
    await ctx.wait("pause", 1)
    return result


def twice(fn: Any) -> tuple[Execution, Any]:
    """An execution whose second invocation replays the first one's operations, and its result."""
    execution = Execution(fn)
    execution.suspends()
    execution.elapse()
    return execution, execution.result()


@pytest.mark.parametrize("nesting", ["nested", "flat"])
def test_items_are_stored_by_their_codec_and_come_back_by_it(nesting: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        batch = await ctx.map("m", ["a", "b"], upper, item_codec=Shout(), nesting=nesting)
        return await waits_then(ctx, batch.results())

    execution, result = twice(handler)
    assert result == ["A", "B"]
    if nesting == "nested":
        assert execution.operation("map-item-1").context_details.result == "!B"


def test_branches_are_stored_by_their_codec_and_their_failures_are_not() -> None:
    async def fails(ctx: DurableContext) -> str:
        raise ValueError("no")

    async def works(ctx: DurableContext) -> str:
        return "yes"

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        batch = await ctx.parallel(
            "p", {"works": works, "fails": fails}, completion=Completion.all_completed(), item_codec=Shout()
        )
        return await waits_then(ctx, [str(item.result or item.error) for item in batch])

    execution, result = twice(handler)
    assert result == ["yes", "no"]
    assert execution.operation("works").context_details.result == "!yes"


def test_a_large_batch_comes_back_from_its_items_by_their_codec() -> None:
    async def large(text: str, ctx: DurableContext) -> str:
        return text * 100_000

    async def handler(event: Any, ctx: DurableContext) -> list[int]:
        batch = await ctx.map("m", ["a", "b", "c"], large, item_codec=Shout())
        return await waits_then(ctx, [len(each) for each in batch.results()])

    execution, result = twice(handler)
    assert execution.operation("m").context_details.replay_children
    assert result == [100_000] * 3


def test_a_whole_batch_is_stored_by_its_codec() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        batch = await ctx.map("m", ["a", "b"], upper, codec=Joined())
        return await waits_then(ctx, batch.results())

    execution, result = twice(handler)
    assert result == ["A", "B"]
    assert execution.operation("m").context_details.result == "A,B"


def test_a_codec_that_cannot_read_a_batch_is_an_error_of_the_await() -> None:
    class Broken(Joined):
        replays = False

        def decode(self, payload: str) -> BatchResult[str]:
            if self.replays:
                raise LookupError("the key is gone")
            return super().decode(payload)

    codec = Broken()

    async def handler(event: Any, ctx: DurableContext) -> str:
        told = "read"
        try:
            await ctx.map("m", ["a"], upper, codec=codec)
        except DeserializationError as error:
            told = str(error.__cause__)
        return await waits_then(ctx, told)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    codec.replays = True
    assert execution.result() == "the key is gone"
