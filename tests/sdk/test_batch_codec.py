"""A codec for the whole result of a batch: what is stored of it, and that it comes back by it."""

from __future__ import annotations

from typing import Any

from drive import Execution
from durable_lambda import BatchResult, DurableContext
from durable_lambda.batch import BatchItem


class Joined:
    """Stores a batch of strings as one line."""

    is_broken = False

    def encode(self, value: BatchResult[str]) -> str:
        return ",".join(value.results())

    def decode(self, payload: str) -> BatchResult[str]:
        if self.is_broken:
            raise LookupError("the key is gone")
        items = [BatchItem(index, None, "SUCCEEDED", text) for index, text in enumerate(payload.split(","))]
        return BatchResult(items, "ALL_COMPLETED", is_met=True)


async def upper(text: str, ctx: DurableContext) -> str:
    return text.upper()


def test_a_batch_is_stored_by_its_codec_and_comes_back_by_it() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        batch = await ctx.map("m", ["a", "b"], upper, batch_codec=Joined())
        await ctx.wait("pause", 1)
        return batch.results()

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("m").context_details.result == "A,B"
    execution.elapse()
    assert execution.result() == ["A", "B"]


def test_branches_and_their_batch_have_codecs_of_their_own() -> None:
    class Shout:
        def encode(self, value: str) -> str:
            return f"!{value}"

        def decode(self, payload: str) -> str:
            return payload[1:]

    async def yes(ctx: DurableContext) -> str:
        return "yes"

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return (await ctx.parallel("p", {"a": yes, "b": yes}, codec=Shout(), batch_codec=Joined())).results()

    execution = Execution(handler)
    assert execution.result() == ["yes", "yes"]
    assert execution.operation("p").context_details.result == "yes,yes"
    assert execution.operation("a").context_details.result == "!yes"


def test_a_batch_that_its_codec_cannot_read_is_an_error_of_the_await() -> None:
    codec = Joined()

    async def handler(event: Any, ctx: DurableContext) -> str:
        told = "read"
        try:
            await ctx.map("m", ["a"], upper, batch_codec=codec)
        except Exception as error:
            told = str(error)
        await ctx.wait("pause", 1)
        return told

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    codec.is_broken = True
    assert "the key is gone" in execution.result()
