"""Calls of the newer operations that cannot be right, or are made where they cannot be: refused, and nothing sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError

VALIDATION = "durable_lambda.errors.ValidationError"


async def branch(ctx: DurableContext) -> str:
    return "branch"


async def item(item: int, ctx: DurableContext) -> int:
    return item


def undo(result: Any, *args: Any) -> None: ...


CALLS: dict[str, Callable[[DurableContext], Any]] = {
    "parallel": lambda ctx: ctx.parallel("x", [branch]),
    "map": lambda ctx: ctx.map("x", [1], item),
    "first": lambda ctx: ctx.first("x", a=branch),
    "timeout": lambda ctx: ctx.timeout("x", 5, branch),
    "with_retry": lambda ctx: ctx.with_retry("x", branch),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback("x", str),
    "wait_for_condition": lambda ctx: ctx.wait_for_condition("x", lambda s: s, initial_state=0, until=lambda s: True),
    "saga step": lambda ctx: ctx.saga().step("x", str, compensate=undo),
    "now": lambda ctx: ctx.now(),
}


def refused(handler: Any, told: str = "") -> Execution:
    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == VALIDATION
    assert told in error["ErrorMessage"]
    return execution


BAD: dict[str, tuple[Callable[[DurableContext], Any], str]] = {
    "parallel of a set": (lambda ctx: ctx.parallel("x", {branch}), "list of functions"),
    "parallel of a generator": (lambda ctx: ctx.parallel("x", (b for b in [branch])), "list of functions"),
    "parallel of a function": (lambda ctx: ctx.parallel("x", branch), "list of functions"),
    "parallel of None": (lambda ctx: ctx.parallel("x", None), "list of functions"),
    "parallel of a coroutine": (lambda ctx: ctx.parallel("x", [branch(ctx)]), "not branch(…)"),
    "parallel of numbers": (lambda ctx: ctx.parallel("x", [5]), "a function of a context"),
    "parallel with a name that is no text": (lambda ctx: ctx.parallel("x", {5: branch}), "name"),
    "parallel with an empty name": (lambda ctx: ctx.parallel("x", {"": branch}), "1 to 256"),
    "parallel named by a function": (lambda ctx: ctx.parallel(branch, [branch]), "first argument of parallel()"),
    "parallel without concurrency": (lambda ctx: ctx.parallel("x", [branch], max_concurrency=0), "max_concurrency"),
    "map without concurrency": (lambda ctx: ctx.map("x", [1], item, max_concurrency=0), "max_concurrency"),
    "map with half a concurrency": (lambda ctx: ctx.map("x", [1], item, max_concurrency=0.5), "max_concurrency"),
    "map with True for a number": (lambda ctx: ctx.map("x", [1], item, max_concurrency=True), "max_concurrency"),
    "map in batches of none": (lambda ctx: ctx.map("x", [1], item, batch_size=0), "batch_size"),
    "map of a generator": (lambda ctx: ctx.map("x", (i for i in [1]), item), "list of items, not generator"),
    "map of a set": (lambda ctx: ctx.map("x", {1}, item), "list of items, not set"),
    "map of a dict": (lambda ctx: ctx.map("x", {1: 2}, item), "list of items, not dict"),
    "map of a str": (lambda ctx: ctx.map("x", "items", item), "list of items, not str"),
    "map of bytes": (lambda ctx: ctx.map("x", b"items", item), "list of items, not bytes"),
    "map of None": (lambda ctx: ctx.map("x", None, item), "list of items"),
    "map of a coroutine": (lambda ctx: ctx.map("x", [1], item(1, ctx)), "not item(…)"),
    "map with a bad item name": (lambda ctx: ctx.map("x", [1], item, item_name=lambda i, n: ""), "1 to 256"),
    "map with a number for a name": (lambda ctx: ctx.map("x", [1], item, item_name=lambda i, n: n), "name"),
    "a completion that is none": (lambda ctx: ctx.map("x", [1], item, completion="all"), "Completion"),
    "a completion that is not called": (lambda ctx: ctx.map("x", [1], item, completion=all), "Completion"),
    "a nesting that is none": (lambda ctx: ctx.map("x", [1], item, nesting="deep"), '"nested" or "flat"'),
    "first of a coroutine": (lambda ctx: ctx.first("x", a=branch(ctx)), "not branch(…)"),
    "timeout of a coroutine": (lambda ctx: ctx.timeout("x", 5, branch(ctx)), "not branch(…)"),
    "timeout without a function": (lambda ctx: ctx.timeout("x", 5, 5), "takes a function"),
    "a submitter that is a coroutine": (lambda ctx: ctx.wait_for_callback("x", branch(ctx)), "not branch(…)"),
    "a check that is a coroutine": (
        lambda ctx: ctx.wait_for_condition("x", branch(ctx), initial_state=0, until=bool),
        "not branch(…)",
    ),
    "a saga step of a coroutine": (lambda ctx: ctx.saga().step("x", branch(ctx), compensate=undo), "not branch(…)"),
    "a compensation that is a coroutine": (
        lambda ctx: ctx.saga().step("x", str, compensate=branch(ctx)),
        "not branch(…)",
    ),
}


@pytest.mark.parametrize(("call", "told"), BAD.values(), ids=BAD)
def test_a_call_that_cannot_be_right_is_refused_with_what_to_write_and_nothing_is_sent(
    call: Callable[[DurableContext], Any], told: str
) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        await call(ctx)

    assert refused(handler, told).calls == []


def test_a_mapping_or_a_range_of_branches_may_be_any_sequence_that_keeps_its_order() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.map("x", range(3), item)).results() + (await ctx.map("y", (3, 4), item)).results()

    assert Execution(handler).result() == [0, 1, 2, 3, 4]


def test_the_items_are_those_at_the_time_of_the_call() -> None:
    """A list that the code goes on changing does not change the map."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        items = [1, 2]
        running = ctx.map("x", items, item)
        items.append(3)
        return (await running).results()

    execution = Execution(handler)
    assert execution.result() == [1, 2]
    assert execution.result() == [1, 2]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_context_around_a_branch_cannot_be_used_in_it(call: Callable[[DurableContext], Any]) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def uses_the_outer(inner: DurableContext) -> None:
            await call(ctx)

        return [type(e).__name__ + str(e) for e in (await ctx.parallel("p", [uses_the_outer])).errors()]

    execution = Execution(handler)
    (told,) = execution.result()
    assert told.startswith("ValidationError")
    assert "use the ctx that this function was given" in told
    assert {update.type for update in execution.backend.updates} == {"CONTEXT"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_body_of_a_step_cannot_call_operations(call: Callable[[DurableContext], Any]) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def body() -> None:
            await call(ctx)

        await ctx.step("s", body, retry=0)

    execution = refused(handler, "cannot be called here")
    assert {name for _, name, _ in execution.sent} == {"s"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_context_of_a_branch_that_has_ended_cannot_be_used_any_more(call: Callable[[DurableContext], Any]) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        left: list[Any] = []
        ended = asyncio.Event()

        async def leaves_a_task(inner: DurableContext) -> None:
            async def later() -> str:
                await ended.wait()
                try:
                    await call(inner)
                except ValidationError as error:
                    return str(error)
                return "not refused"

            left.append(asyncio.ensure_future(later()))

        await ctx.parallel("p", [leaves_a_task])
        ended.set()
        return await left[0]

    execution = Execution(handler)
    assert "has returned" in execution.result()
    assert {name for _, name, _ in execution.sent} == {"p", "parallel-branch-0"}


def test_a_refused_call_takes_a_number_so_a_replay_refuses_at_the_same_place() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        with pytest.raises(ValidationError):
            await ctx.map("x", {1}, item)  # type: ignore[arg-type]
        await ctx.wait("pause", 60)
        return (await ctx.map("y", [1], item)).results()

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    assert execution.result() == [1]
    assert execution.result() == [1]
