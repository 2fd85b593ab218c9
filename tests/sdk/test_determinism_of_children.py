"""Differences inside child contexts and tasks, and what is compared at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext

MISMATCH = "durable_lambda.errors.NonDeterministicExecutionError"


def shipping(*names: str, virtual: bool = False) -> Any:
    """A function with a child context of these steps, and a wait after it."""

    async def child(ctx: DurableContext) -> str:
        for name in names:
            await ctx.step(name, str)
        await ctx.wait("carrier", 60)
        return "shipped"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.run_in_child_context("ship", child, virtual=virtual)

    return handler


@pytest.mark.parametrize("virtual", [False, True])
@pytest.mark.parametrize("names", [("pick", "wrap"), ("pack", "pick"), ("pick", "pack", "label"), ("pick",)])
def test_a_difference_in_a_child_context_ends_the_execution(names: tuple[str, ...], virtual: bool) -> None:
    execution = Execution(shipping("pick", "pack", virtual=virtual))
    execution.suspends()
    assert execution.error(shipping(*names, virtual=virtual))["ErrorType"] == MISMATCH
    assert execution.calls == []


def test_the_neighbours_are_those_of_the_child_context() -> None:
    async def outside(event: Any, ctx: DurableContext) -> None:
        await ctx.step("outside", str)
        await shipping("pick", "pack")(event, ctx)

    async def changed(event: Any, ctx: DurableContext) -> None:
        await ctx.step("outside", str)
        await shipping("pick", "wrap")(event, ctx)

    execution = Execution(outside)
    execution.suspends()
    text = execution.error(changed)["ErrorMessage"]
    assert "1. STEP 'pick' SUCCEEDED" in text
    assert "outside" not in text


def test_an_operation_that_a_child_no_longer_calls_is_told_when_it_ends() -> None:
    async def shorter(ctx: DurableContext) -> str:
        await ctx.step("pick", str)
        return "shipped"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            return await ctx.run_in_child_context("ship", shorter)
        except Exception:
            return "swallowed"

    execution = Execution(shipping("pick", "pack"))
    execution.suspends()
    error = execution.error(handler)
    assert error["ErrorType"] == MISMATCH
    assert "recorded: STEP 'pack' SUCCEEDED" in error["ErrorMessage"]
    assert execution.calls == []


def test_an_operation_that_a_child_no_longer_calls_is_told_although_it_raised() -> None:
    async def raises(ctx: DurableContext) -> str:
        await ctx.step("pick", str)
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            return await ctx.run_in_child_context("ship", raises)
        except ValueError:
            return "swallowed"

    execution = Execution(shipping("pick", "pack"))
    execution.suspends()
    error = execution.error(handler)
    assert error["ErrorType"] == MISMATCH
    assert "recorded: STEP 'pack' SUCCEEDED" in error["ErrorMessage"]
    assert execution.calls == []


def test_a_child_context_that_became_virtual_is_a_difference() -> None:
    execution = Execution(shipping("pick", "pack"))
    execution.suspends()
    assert execution.error(shipping("pick", "pack", virtual=True))["ErrorType"] == MISMATCH


def test_a_child_context_that_is_no_longer_virtual_is_a_difference() -> None:
    execution = Execution(shipping("pick", "pack", virtual=True))
    execution.suspends()
    assert execution.error(shipping("pick", "pack"))["ErrorType"] == MISMATCH


def test_a_completed_child_context_is_not_looked_into() -> None:
    execution = Execution(shipping("pick", "pack"))
    execution.suspends()
    execution.elapse()
    assert execution.result() == "shipped"
    assert execution.result(shipping("something", "else", "altogether")) == "shipped"


def test_a_difference_in_a_task_ends_the_execution() -> None:
    def handler_with(name: str) -> Any:
        async def branch(ctx: DurableContext) -> None:
            await ctx.step(name, str)
            await ctx.wait(f"pause {name}", 60)

        async def handler(event: Any, ctx: DurableContext) -> Any:
            return await asyncio.gather(branch(ctx), ctx.wait("pause", 60), return_exceptions=True)

        return handler

    execution = Execution(handler_with("before"))
    execution.suspends()
    assert execution.error(handler_with("after"))["ErrorType"] == MISMATCH
    assert execution.calls == []


def test_an_operation_that_a_task_no_longer_calls_is_told() -> None:
    def handler_with(*names: str) -> Any:
        async def branch(ctx: DurableContext) -> None:
            for name in names:
                await ctx.step(name, str)

        async def handler(event: Any, ctx: DurableContext) -> Any:
            await asyncio.gather(branch(ctx), asyncio.sleep(0))
            await ctx.wait("pause", 60)

        return handler

    execution = Execution(handler_with("one", "two"))
    execution.suspends()
    execution.elapse()
    error = execution.error(handler_with("one"))
    assert error["ErrorType"] == MISMATCH
    assert "'two'" in error["ErrorMessage"]


def test_a_task_that_is_no_longer_created_is_told() -> None:
    async def with_task(event: Any, ctx: DurableContext) -> None:
        async def branch() -> None:
            await ctx.step("in a task", str)

        await asyncio.gather(branch())
        await ctx.wait("pause", 60)

    async def without(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    execution = Execution(with_task)
    execution.suspends()
    execution.elapse()
    error = execution.error(without)
    assert error["ErrorType"] == MISMATCH
    assert "'in a task'" in error["ErrorMessage"]


def test_arguments_are_not_compared() -> None:
    async def first(event: Any, ctx: DurableContext) -> Any:
        await ctx.create_callback("approval", timeout=5)
        return await ctx.step("work", lambda: 1)

    async def second(event: Any, ctx: DurableContext) -> Any:
        await ctx.create_callback("approval", timeout=500)
        return await ctx.step("work", lambda: 2)

    execution = Execution(first)
    assert execution.result() == 1
    assert execution.result(second) == 1


def test_a_history_with_an_unknown_sub_type_is_a_difference_that_shows_it() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", str)

    execution = Execution(handler)
    execution.result()
    execution.change("work", sub_type="WaitForCondition")
    error = execution.error()
    assert error["ErrorType"] == MISMATCH
    assert "STEP (WaitForCondition) 'work' SUCCEEDED" in error["ErrorMessage"]
