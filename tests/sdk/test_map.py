"""`map`: a function over items, a window that bounds how many are under way, and batches."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext
from durable_lambda.loop import InvocationLoop
from durable_lambda.runtime.ids import operation_id
from prefixes import go_on, same_at_every_prefix

MAP_ID = operation_id("1")


async def double(item: int, ctx: DurableContext) -> int:
    return await ctx.step(f"double {item}", lambda: 2 * item)


def mapping(items: Any, fn: Any = double, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.map("items", items, fn, **options)
        return batch.results()

    return handler


def test_a_map_is_a_context_with_a_context_for_each_item() -> None:
    execution = Execution(mapping([7, 8]))
    assert execution.result() == [14, 16]
    batch, item, step = (execution.operation(name) for name in ("items", "map-item-1", "double 8"))
    assert (batch.type, batch.sub_type, batch.parent_id, batch.id) == ("CONTEXT", "Map", None, MAP_ID)
    assert (item.type, item.sub_type, item.parent_id) == ("CONTEXT", "MapIteration", MAP_ID)
    assert item.id == operation_id(f"{MAP_ID}-1")
    assert (step.parent_id, step.id) == (item.id, operation_id(f"{item.id}-1"))


def test_flat_items_are_no_operations_but_number_theirs_alike() -> None:
    nested, flat = Execution(mapping([7, 8])), Execution(mapping([7, 8], nesting="flat"))
    assert nested.result() == flat.result()
    assert set(flat.ids) == {"items", "double 7", "double 8"}
    assert flat.operation("double 8").parent_id == MAP_ID
    assert flat.ids["double 8"] == nested.ids["double 8"]


def test_items_are_named_by_item_name_with_the_item_and_its_index() -> None:
    execution = Execution(mapping([7, 8], item_name=lambda item, index: f"item {item} at {index}"))
    execution.result()
    assert {"item 7 at 0", "item 8 at 1"} <= set(execution.ids)


def test_equal_items_are_items_of_their_own() -> None:
    async def alike(item: int, ctx: DurableContext) -> int:
        await ctx.wait("pause", 60)
        return await ctx.step("step", lambda: item)

    assert same_at_every_prefix(mapping([7, 7, 7], alike, item_name=lambda item, index: f"same-{index}")).result() == [
        7,
        7,
        7,
    ]


def test_items_may_be_anything_since_they_are_not_stored() -> None:
    async def fn(item: Any, ctx: DurableContext) -> str:
        return type(item).__name__

    assert Execution(mapping((object(), {1}, None), fn)).result() == ["object", "set", "NoneType"]


@pytest.mark.parametrize("items", [[], (), range(0)])
def test_no_items_are_a_map_that_is_done(items: Any) -> None:
    execution = same_at_every_prefix(mapping(items))
    assert execution.result() == []
    assert [operation.status for operation in execution.backend.operations.values()] == ["SUCCEEDED"]


def test_results_are_in_the_order_of_the_items_whoever_is_done_first() -> None:
    async def later_items_first(item: int, ctx: DurableContext) -> int:
        async def body() -> int:
            for _ in range(20 - item):
                await asyncio.sleep(0)
            return item

        return await ctx.step(None, body)

    execution = Execution(mapping(range(20), later_items_first))
    assert execution.result() == list(range(20))
    first = next(update for update in execution.backend.updates if update.action == "SUCCEED")
    assert first.id == operation_id(f"{operation_id(f'{MAP_ID}-19')}-1")
    assert execution.result() == list(range(20))


class Gauge:
    """Counts how many items are begun and not done."""

    def __init__(self) -> None:
        self.now = 0
        self.highest = 0
        self.begun: list[int] = []

    async def item(self, item: int, ctx: DurableContext) -> int:
        self.now += 1
        self.highest = max(self.highest, self.now)
        self.begun.append(item)
        try:

            async def body() -> int:
                for _ in range(item % 3 + 1):
                    await asyncio.sleep(0)
                return item

            return await ctx.step(None, body)
        finally:
            self.now -= 1


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_not_more_items_than_max_concurrency_are_under_way(limit: int) -> None:
    gauge = Gauge()
    execution = Execution(mapping(range(12), gauge.item, max_concurrency=limit))
    assert execution.result() == list(range(12))
    assert gauge.highest == min(limit, 12)
    assert gauge.begun == list(range(12))


def test_the_window_rolls_a_slow_item_does_not_hold_the_others_back() -> None:
    all_others = asyncio.Event()

    async def item(item: int, ctx: DurableContext) -> int:
        if item == 0:
            await ctx.step("slow", all_others.wait)
        await ctx.step(None, asyncio.sleep, 0)
        if item == 9:
            all_others.set()
        return item

    assert Execution(mapping(range(10), item, max_concurrency=2)).result() == list(range(10))


async def paused(item: int, ctx: DurableContext) -> int:
    await ctx.wait(f"pause {item}", 60)
    return item


def test_the_window_bounds_suspended_items_too() -> None:
    execution = Execution(mapping(range(5), paused, max_concurrency=2))
    for begun in ({0, 1}, {0, 1, 2, 3}, {0, 1, 2, 3, 4}):
        execution.suspends()
        assert {name for name in execution.ids if str(name).startswith("pause")} == {f"pause {each}" for each in begun}
        go_on(execution)
    assert execution.result() == list(range(5))


def test_an_item_begins_when_a_suspended_one_before_it_is_done() -> None:
    execution = Execution(mapping(range(4), paused, max_concurrency=2))
    execution.suspends()
    execution.change("pause 1", status="SUCCEEDED")
    execution.suspends()
    assert "pause 2" in execution.ids
    assert "pause 3" not in execution.ids


def test_a_replay_of_a_full_window_begins_nothing_more() -> None:
    execution = Execution(mapping(range(5), paused, max_concurrency=2))
    execution.suspends()
    execution.suspends()
    assert execution.sent == []


def test_the_next_batch_begins_when_all_of_the_last_are_done() -> None:
    execution = Execution(mapping(range(5), paused, batch_size=2))
    execution.suspends()
    execution.change("pause 0", status="SUCCEEDED")
    execution.suspends()
    assert "pause 2" not in execution.ids, "the window does not roll"
    execution.change("pause 1", status="SUCCEEDED")
    execution.suspends()
    assert {"pause 2", "pause 3"} <= set(execution.ids)
    assert "pause 4" not in execution.ids
    go_on(execution)
    execution.suspends()
    go_on(execution)
    assert execution.result() == list(range(5))


@pytest.mark.parametrize(("batch_size", "limit", "highest"), [(4, 2, 2), (2, 4, 2), (3, None, 3), (100, None, 12)])
def test_a_batch_may_have_a_window(batch_size: int, limit: int | None, highest: int) -> None:
    gauge = Gauge()
    execution = Execution(mapping(range(12), gauge.item, batch_size=batch_size, max_concurrency=limit))
    assert execution.result() == list(range(12))
    assert gauge.highest == highest
    assert gauge.begun == list(range(12))


@pytest.mark.parametrize("options", [{}, {"max_concurrency": 2}, {"batch_size": 2}, {"nesting": "flat"}])
def test_a_map_is_the_same_at_every_prefix(options: Any) -> None:
    async def item(item: int, ctx: DurableContext) -> int:
        await ctx.step(f"before {item}", str)
        if item % 2:
            await ctx.wait(f"pause {item}", 60)
        return await ctx.step(f"after {item}", lambda: 2 * item)

    assert same_at_every_prefix(mapping(range(5), item, **options)).result() == [0, 2, 4, 6, 8]


def test_an_early_decision_begins_no_further_items() -> None:
    gauge = Gauge()
    execution = Execution(mapping(range(12), gauge.item, max_concurrency=2, completion=Completion.at_least(3)))
    assert len(execution.result()) >= 3
    assert len(gauge.begun) <= 6


class CountingLoop(InvocationLoop):
    """Counts the callbacks that an invocation has."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def call_soon(self, *args: Any, **options: Any) -> Any:
        self.counts["callbacks"] += 1
        return super().call_soon(*args, **options)


async def double_on_the_loop(item: int, ctx: DurableContext) -> int:
    return await ctx.step(None, lambda: 2 * item, inline=True)


@pytest.mark.parametrize("options", [{"max_concurrency": 10}, {"batch_size": 150, "nesting": "flat"}])
def test_the_cost_of_an_item_does_not_depend_on_how_many_there_are(options: Any) -> None:
    """Counted, and not measured: callbacks of the loop, decisions of the completion, calls, updates."""
    costs: dict[int, Counter[str]] = {}
    for count in (100, 1000):
        loop = CountingLoop()

        def predicate(progress: Any, loop: CountingLoop = loop) -> None:
            loop.counts["decisions"] += 1

        fn = mapping(range(count), double_on_the_loop, completion=Completion.when(predicate), **options)
        execution = Execution(fn, loop=loop)
        assert execution.result()[-1] == 2 * (count - 1)
        loop.counts["calls"] = len(execution.calls)
        loop.counts["updates"] = len(execution.sent)
        costs[count] = loop.counts
        loop.close()
    for what, few in costs[100].items():
        assert costs[1000][what] <= 10.5 * few + 20, what


def test_the_calls_of_functions_grow_as_the_items_do() -> None:
    costs = []
    for count in (50, 500):
        execution = Execution(mapping(range(count), double_on_the_loop))
        counts: Counter[str] = Counter()

        def profile(frame: Any, event: str, arg: Any, counts: Counter[str] = counts) -> None:
            counts[event] += 1

        sys.setprofile(profile)
        try:
            execution.run()
        finally:
            sys.setprofile(None)
        costs.append(counts["call"])
    assert costs[1] < 10.5 * costs[0]


def test_a_replay_of_many_items_costs_no_callbacks_for_each() -> None:
    counts = []
    for count in (20, 1000):
        execution = Execution(mapping(range(count)))
        execution.result()
        execution.loop = loop = CountingLoop()
        execution.result()
        assert execution.sent == []
        counts.append(loop.counts["callbacks"])
        loop.close()
    assert counts[0] == counts[1]
