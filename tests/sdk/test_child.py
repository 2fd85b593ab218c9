"""Child contexts: a namespace of their own, one result, and failures that come back as themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext
from durable_lambda.runtime.ids import operation_id

KIB = 1024
FIRST_ID = operation_id("1")


@dataclass
class Shipment:
    tracking: str


class LostError(Exception):
    pass


async def ship(order: str, ctx: DurableContext) -> Shipment:
    label = await ctx.step("label", str.upper, order)
    await ctx.step("pick", str)
    return Shipment(label)


async def shipping(event: Any, ctx: DurableContext) -> str:
    shipment = await ctx.run_in_child_context("ship", ship, "o-1")
    return shipment.tracking


def test_a_child_context_is_a_context_operation_with_its_operations_below() -> None:
    execution = Execution(shipping)
    assert execution.result() == "O-1"
    context, label = execution.operation("ship"), execution.operation("label")
    assert (context.type, context.sub_type, context.parent_id) == ("CONTEXT", "RunInChildContext", None)
    assert (label.parent_id, label.id) == (context.id, operation_id(f"{context.id}-1"))
    assert execution.operation("pick").id == operation_id(f"{context.id}-2")


def test_the_operations_of_a_child_do_not_move_those_around_it() -> None:
    async def empty(ctx: DurableContext) -> None:
        pass

    async def with_child(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("ship", ship, "o-1")
        await ctx.step("after", str)

    async def with_empty_child(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("ship", empty)
        await ctx.step("after", str)

    one, other = Execution(with_child), Execution(with_empty_child)
    one.result()
    other.result()
    assert one.ids["after"] == other.ids["after"] == operation_id("2")


def test_a_completed_child_is_not_run_again_and_has_its_type() -> None:
    runs = []

    async def child(ctx: DurableContext) -> Shipment:
        runs.append(1)
        return await ship("o-1", ctx)

    async def handler(event: Any, ctx: DurableContext) -> bool:
        return await ctx.run_in_child_context("ship", child) == Shipment("O-1")

    execution = Execution(handler)
    assert execution.result() is True
    assert execution.result() is True
    assert runs == [1]
    assert execution.sent == []


def test_result_type_goes_before_the_annotation() -> None:
    async def child(ctx: DurableContext) -> Any:
        return {"tracking": "t"}

    async def handler(event: Any, ctx: DurableContext) -> str:
        return (await ctx.run_in_child_context("ship", child, result_type=Shipment)).tracking

    execution = Execution(handler)
    assert execution.result() == "t"
    assert execution.result() == "t"


def test_a_child_that_waits_goes_on_where_it_was() -> None:
    async def child(ctx: DurableContext) -> str:
        first = await ctx.step("first", lambda: "a")
        await ctx.wait("pause", 60)
        return first + await ctx.step("second", lambda: "b")

    async def handler(event: Any, ctx: DurableContext) -> str:
        return await ctx.run_in_child_context("group", child)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    assert execution.result() == "ab"
    assert execution.sent == [
        ("STEP", "second", "START"),
        ("STEP", "second", "SUCCEED"),
        ("CONTEXT", "group", "SUCCEED"),
    ]


def test_children_may_be_nested() -> None:
    async def leaf(ctx: DurableContext) -> list[Any]:
        return [ctx.parent_id, await ctx.step("leaf step", lambda: "deep")]

    async def middle(ctx: DurableContext) -> list[Any]:
        return [ctx.parent_id, await ctx.run_in_child_context("leaf", leaf)]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return [ctx.parent_id, await ctx.run_in_child_context("middle", middle)]

    execution = Execution(handler)
    middle_id, leaf_id = operation_id("1"), operation_id(f"{operation_id('1')}-1")
    assert execution.result() == [None, [middle_id, [leaf_id, "deep"]]]
    assert execution.operation("leaf").parent_id == middle_id
    assert execution.operation("leaf step").id == operation_id(f"{leaf_id}-1")


def test_arguments_come_before_the_context() -> None:
    async def child(a: int, b: int, ctx: DurableContext) -> int:
        return await ctx.step("add", lambda: a + b)

    async def handler(event: Any, ctx: DurableContext) -> int:
        return await ctx.run_in_child_context("add", child, 2, 3)

    assert Execution(handler).result() == 5


# Virtual


async def virtual_shipping(event: Any, ctx: DurableContext) -> str:
    shipment = await ctx.run_in_child_context("ship", ship, "o-1", virtual=True)
    return shipment.tracking


def test_a_virtual_context_records_nothing_of_its_own() -> None:
    execution = Execution(virtual_shipping)
    assert execution.result() == "O-1"
    assert set(execution.ids) == {"label", "pick"}
    assert execution.operation("label").parent_id is None
    assert execution.operation("label").id == operation_id(f"{FIRST_ID}-1")
    assert execution.result() == "O-1"
    assert execution.sent == []


def test_the_parent_of_an_operation_in_a_virtual_context_is_the_nearest_real_one() -> None:
    async def outer(ctx: DurableContext) -> Any:
        assert ctx.parent_id == FIRST_ID

        async def inner(ctx: DurableContext) -> Any:
            assert ctx.parent_id == FIRST_ID
            return await ctx.step("inner step", str)

        return await ctx.run_in_child_context("virtual", inner, virtual=True)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.run_in_child_context("outer", outer)

    execution = Execution(handler)
    execution.result()
    assert execution.operation("inner step").parent_id == execution.ids["outer"]


def test_a_failure_in_a_virtual_context_is_itself_and_records_nothing() -> None:
    async def lose(ctx: DurableContext) -> None:
        raise LostError("lost")

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.run_in_child_context("ship", lose, virtual=True)
        except LostError as error:
            return str(error)
        return ""

    execution = Execution(handler)
    assert execution.result() == "lost"
    assert execution.backend.calls == []


# Large results


async def large_shipping(event: Any, ctx: DurableContext) -> list[int]:
    async def child(size: int, ctx: DurableContext) -> str:
        part = await ctx.step("part", lambda: "x" * (size // 2))
        RUNS.append(1)
        return part + await ctx.step("rest", lambda: "y" * (size - 2 - size // 2))

    result = await ctx.run_in_child_context("large", child, event)
    return [len(result), result.count("x")]


RUNS: list[int] = []


@pytest.fixture(autouse=True)
def _no_runs() -> None:
    RUNS.clear()


def test_a_result_over_256_kib_is_not_stored_but_made_again_from_its_operations() -> None:
    execution = Execution(large_shipping, 256 * KIB + 1)
    first = execution.result()
    context = execution.operation("large").context_details
    assert context is not None
    assert context.replay_children is True
    assert len(context.result or "") < KIB
    assert execution.result() == first
    assert execution.sent == []
    assert RUNS == [1, 1]


def test_a_result_of_256_kib_is_stored() -> None:
    execution = Execution(large_shipping, 256 * KIB)
    execution.result()
    context = execution.operation("large").context_details
    assert context is not None
    assert context.replay_children is False
    execution.result()
    assert RUNS == [1]


def test_the_size_is_counted_in_bytes() -> None:
    async def child(ctx: DurableContext) -> str:
        return "é" * (200 * KIB)

    async def handler(event: Any, ctx: DurableContext) -> int:
        return len(await ctx.run_in_child_context("large", child))

    execution = Execution(handler)
    assert execution.result() == 200 * KIB
    context = execution.operation("large").context_details
    assert context is not None
    assert context.replay_children is True
    assert execution.result() == 200 * KIB


def test_a_large_result_may_be_over_1_mib_since_it_is_not_stored() -> None:
    async def child(ctx: DurableContext) -> list[str]:
        return [await ctx.step(f"part-{number}", lambda: "x" * 900 * KIB) for number in range(3)]

    async def handler(event: Any, ctx: DurableContext) -> int:
        return sum(len(part) for part in await ctx.run_in_child_context("large", child))

    execution = Execution(handler)
    assert execution.result() == 2700 * KIB
    assert execution.result() == 2700 * KIB
    assert execution.sent == []
