"""`now`, `uuid`, `random`: the same on every replay, different everywhere else; drawing moves no operation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError, durable_execution
from durable_lambda.runtime.ids import operation_id
from prefixes import same_at_every_prefix
from recording import ARN, RecordingBackend, invocation


async def drawn(ctx: DurableContext) -> list[str]:
    return [str(ctx.uuid()), str(ctx.random().random()), str(ctx.uuid()), str(ctx.random().randint(0, 10**9))]


async def everywhere(event: Any, ctx: DurableContext) -> list[str]:
    """Values from each kind of place that code has."""

    async def in_task() -> list[str]:
        first = str(ctx.uuid())
        await ctx.step(None, asyncio.sleep, 0)
        return [first, str(ctx.uuid())]

    found = await drawn(ctx)
    for values in await asyncio.gather(in_task(), in_task()):
        found += values
    found += await ctx.run_in_child_context("child", drawn)
    found += await ctx.run_in_child_context("virtual", drawn, virtual=True)
    for options in ({}, {"nesting": "flat"}):
        for values in (await ctx.map("map", [1, 2], lambda item, ctx: drawn(ctx), **options)).results():  # type: ignore[arg-type]
            found += values
    await ctx.wait("pause", 60)
    return [*found, *await drawn(ctx)]


def test_ids_and_numbers_are_the_same_at_every_prefix() -> None:
    same_at_every_prefix(everywhere)


def test_no_two_places_of_an_execution_draw_the_same() -> None:
    execution = Execution(everywhere)
    execution.suspends()
    execution.elapse()
    values = execution.result()
    assert len(values) == len(set(values)) == 4 + 4 + 8 + 16 + 4


def test_no_two_executions_draw_the_same() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await drawn(ctx)

    run = durable_execution(backend=RecordingBackend())(handler)
    event = invocation()
    results = []
    for name in ("5ff6a6d5", "00000000"):
        event["DurableExecutionArn"] = ARN.replace("5ff6a6d5", name)
        results.append(run(event, None)["Result"])
    assert results[0] != results[1]


def test_ids_are_random_uuids_by_their_form() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return [ctx.uuid().version, ctx.uuid().variant]

    assert Execution(handler).result() == [4, "specified in RFC 4122"]


def test_drawing_is_not_recorded_and_moves_no_operation() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await drawn(ctx)
        await ctx.step("step", str)

    execution = Execution(handler)
    execution.result()
    assert execution.ids == {"step": operation_id("1")}


def test_a_drawing_more_is_no_difference_to_the_operations() -> None:
    async def before(event: Any, ctx: DurableContext) -> None:
        await ctx.step("step", str)
        await ctx.wait("pause", 60)

    async def after(event: Any, ctx: DurableContext) -> str:
        await drawn(ctx)
        await before(event, ctx)
        return str(ctx.uuid())

    execution = Execution(before)
    execution.suspends()
    execution.elapse()
    assert len(execution.result(after)) == 36


def test_a_generator_goes_on_for_itself() -> None:
    """It is seeded where it is made; what is drawn from it moves no other."""

    def handler_with(count: int) -> Any:
        async def handler(event: Any, ctx: DurableContext) -> Any:
            generator = ctx.random()
            for _ in range(count):
                generator.random()
            return str(ctx.uuid())

        return handler

    assert Execution(handler_with(1)).result() == Execution(handler_with(1000)).result()


def test_now_is_recorded() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        first = await ctx.now()
        await ctx.wait("pause", 60)
        second = await ctx.now()
        assert first.tzinfo == second.tzinfo == UTC
        return [first.isoformat(), second.isoformat(), first <= second]

    execution = Execution(handler)
    before = datetime.now(UTC)
    execution.suspends()
    execution.elapse()
    first, second, ordered = execution.result()
    assert before.isoformat() <= first <= second <= datetime.now(UTC).isoformat()
    assert ordered
    assert execution.result() == [first, second, True]
    assert execution.sent == []


def test_now_is_an_operation_with_a_number() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.now()
        await ctx.step("step", str)

    execution = Execution(handler)
    execution.result()
    recorded = execution.operation("now")
    assert (recorded.id, recorded.type, recorded.sub_type) == (operation_id("1"), "STEP", "Now")
    assert execution.ids["step"] == operation_id("2")


@pytest.mark.parametrize("what", ["uuid", "random", "now"])
def test_the_body_of_a_step_cannot_draw(what: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def body() -> None:
            getattr(ctx, what)()

        with pytest.raises(ValidationError, match="cannot be called here"):
            await ctx.step("step", body, retry=0)

    Execution(handler).result()


@pytest.mark.parametrize("what", ["uuid", "random", "now"])
def test_the_context_of_other_code_cannot_draw(what: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def branch(inner: DurableContext) -> None:
            getattr(ctx, what)()

        batch = await ctx.parallel("batch", [branch])
        return type(batch.errors()[0]).__name__

    assert Execution(handler).result() == "ValidationError"
