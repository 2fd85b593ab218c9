"""Code that differs from the history: found at the first operation that differs, told, and not to be swallowed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, NonDeterministicExecutionError

MISMATCH = "durable_lambda.errors.NonDeterministicExecutionError"
Code = Callable[[DurableContext], Any]


async def three(ctx: DurableContext) -> None:
    await ctx.step("reserve", str)
    await ctx.step("charge", str)
    await ctx.wait("pause", 60)
    await ctx.step("ship", str)


async def renamed(ctx: DurableContext) -> None:
    await ctx.step("reserve", str)
    await ctx.step("bill", str)
    await ctx.wait("pause", 60)


async def retyped(ctx: DurableContext) -> None:
    await ctx.step("reserve", str)
    await ctx.create_callback("charge")


async def reordered(ctx: DurableContext) -> None:
    await ctx.step("charge", str)
    await ctx.step("reserve", str)


async def added_in_front(ctx: DurableContext) -> None:
    await ctx.step("check", str)
    await three(ctx)


async def added_between(ctx: DurableContext) -> None:
    await ctx.step("reserve", str)
    await ctx.wait("settle", 1)
    await ctx.step("charge", str)


async def removed_in_front(ctx: DurableContext) -> None:
    await ctx.step("charge", str)
    await ctx.wait("pause", 60)


async def without_its_name(ctx: DurableContext) -> None:
    await ctx.step("reserve", str)
    await ctx.step(None, str)


async def in_a_child_context(ctx: DurableContext) -> None:
    async def child(ctx: DurableContext) -> None:
        await ctx.step("charge", str)

    await ctx.step("reserve", str)
    await ctx.run_in_child_context("charge", child)


def handler_of(code: Code) -> Callable[..., Any]:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    return handler


@pytest.fixture
def begun() -> Execution:
    """An execution that has reserved, charged, and waits."""
    execution = Execution(handler_of(three))
    execution.suspends()
    return execution


@pytest.mark.parametrize(
    ("changed", "recorded", "current", "differs"),
    [
        (renamed, "STEP 'charge' SUCCEEDED", "STEP 'bill'", "name"),
        (retyped, "STEP 'charge' SUCCEEDED", "CALLBACK 'charge'", "type, sub type"),
        (reordered, "STEP 'reserve' SUCCEEDED", "STEP 'charge'", "name"),
        (added_in_front, "STEP 'reserve' SUCCEEDED", "STEP 'check'", "name"),
        (added_between, "STEP 'charge' SUCCEEDED", "WAIT 'settle'", "type, sub type, name"),
        (removed_in_front, "STEP 'reserve' SUCCEEDED", "STEP 'charge'", "name"),
        (without_its_name, "STEP 'charge' SUCCEEDED", "STEP without a name", "name"),
        (in_a_child_context, "STEP 'charge' SUCCEEDED", "CONTEXT (RunInChildContext) 'charge'", "type, sub type"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_change_is_told_with_recorded_and_current(
    begun: Execution, changed: Code, recorded: str, current: str, differs: str
) -> None:
    error = begun.error(handler_of(changed))
    assert error["ErrorType"] == MISMATCH
    text = error["ErrorMessage"]
    assert f"recorded: {recorded}\n" in text
    assert f"current:  {current}\n" in text
    assert f"({differs})" in text


def test_the_error_shows_the_neighbours_and_marks_the_place(begun: Execution) -> None:
    text = begun.error(handler_of(renamed))["ErrorMessage"]
    assert "    1. STEP 'reserve' SUCCEEDED\n  > 2. STEP 'charge' SUCCEEDED\n    3. WAIT 'pause' STARTED\n" in text


def test_the_error_shows_the_line_of_the_call(begun: Execution) -> None:
    text = begun.error(handler_of(renamed))["ErrorMessage"]
    assert 'await ctx.step("bill", str)' in text
    line = renamed.__code__.co_firstlineno + 2
    assert f"{__file__}:{line}, in renamed" in text


def test_the_error_names_the_operation_and_has_its_code(begun: Execution) -> None:
    seen: list[NonDeterministicExecutionError] = []

    async def catches(event: Any, ctx: DurableContext) -> None:
        try:
            await renamed(ctx)
        except NonDeterministicExecutionError as error:
            seen.append(error)
            raise

    begun.error(catches)
    assert seen[0].code == "REPLAY_MISMATCH"
    assert seen[0].operation_name == "bill"
    assert seen[0].operation_id == begun.ids["charge"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "STARTED"])
def test_an_operation_that_is_no_longer_called_is_told_when_the_function_ends(begun: Execution, status: Any) -> None:
    async def shorter(ctx: DurableContext) -> str:
        await ctx.step("reserve", str)
        await ctx.step("charge", str)
        return "done"

    begun.change("pause", status=status)
    error = begun.error(handler_of(shorter))
    assert error["ErrorType"] == MISMATCH
    assert f"recorded: WAIT 'pause' {status}\n" in error["ErrorMessage"]
    assert "no longer calls" in error["ErrorMessage"]


def test_an_operation_that_is_no_longer_called_is_told_although_the_function_raised(begun: Execution) -> None:
    async def raises(ctx: DurableContext) -> None:
        await ctx.step("reserve", str)
        raise ValueError("no")

    assert begun.error(handler_of(raises))["ErrorType"] == MISMATCH


def test_operations_after_the_recorded_ones_are_no_difference(begun: Execution) -> None:
    async def longer(ctx: DurableContext) -> str:
        await three(ctx)
        await ctx.step("thank", str)
        return "done"

    begun.elapse()
    assert begun.result(handler_of(longer)) == "done"


def test_the_same_code_is_no_difference(begun: Execution) -> None:
    begun.suspends()
    begun.elapse()
    begun.result()
    begun.result()


# What user code may do with it


async def bare_except(ctx: DurableContext) -> Any:
    try:
        await renamed(ctx)
    except:  # noqa: E722
        return "swallowed"


async def except_exception(ctx: DurableContext) -> Any:
    try:
        await renamed(ctx)
    except Exception:
        return "swallowed"


async def another_instead(ctx: DurableContext) -> Any:
    try:
        await renamed(ctx)
    except Exception:
        raise ValueError("instead") from None


async def goes_on_with_operations(ctx: DurableContext) -> Any:
    try:
        await renamed(ctx)
    except Exception:
        await ctx.step("more", str)
        await ctx.create_callback("even more")


async def inside_a_child_that_catches(ctx: DurableContext) -> Any:
    async def child(child: DurableContext) -> str:
        try:
            await renamed(ctx)
        except Exception:
            return "swallowed"
        return ""

    try:
        return await ctx.run_in_child_context("reserve", child)
    except Exception:
        return "swallowed again"


async def called_but_not_awaited(ctx: DurableContext) -> Any:
    await ctx.step("reserve", str)
    try:
        ctx.step("bill", str)
    except Exception:
        return "swallowed"


@pytest.mark.parametrize(
    "swallow",
    [
        bare_except,
        except_exception,
        another_instead,
        goes_on_with_operations,
        inside_a_child_that_catches,
        called_but_not_awaited,
    ],
)
def test_user_code_cannot_make_the_execution_succeed(begun: Execution, swallow: Code) -> None:
    assert begun.error(handler_of(swallow))["ErrorType"] == MISMATCH
    assert begun.calls == []


def test_nothing_of_another_branch_is_sent_after_the_mismatch(begun: Execution) -> None:
    async def changed(event: Any, ctx: DurableContext) -> Any:
        async def branch() -> None:
            await ctx.step("in a branch", str)

        branch_task = asyncio.ensure_future(branch())
        try:
            await renamed(ctx)
        except NonDeterministicExecutionError:
            await branch_task

    assert begun.error(changed)["ErrorType"] == MISMATCH
    assert begun.calls == []


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_what_was_queued_before_the_mismatch_is_not_sent(begun: Execution, turns: int) -> None:
    """The START of another branch's wait is about to be made, or queued, or about to leave."""

    async def changed(event: Any, ctx: DurableContext) -> Any:
        async def branch() -> None:
            await ctx.wait("in a branch", 60)

        branch_task = asyncio.ensure_future(branch())
        for _ in range(turns):
            await asyncio.sleep(0)
        await renamed(ctx)
        await branch_task

    assert begun.error(changed)["ErrorType"] == MISMATCH
    assert begun.calls == []


def test_the_bodies_that_run_are_cancelled(begun: Execution) -> None:
    ended = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("body")

    async def changed(event: Any, ctx: DurableContext) -> Any:
        async def branch() -> None:
            await ctx.step("in a branch", body)

        branch_task = asyncio.ensure_future(branch())
        for _ in range(5):
            await asyncio.sleep(0)
        await renamed(ctx)
        await branch_task

    assert begun.error(changed)["ErrorType"] == MISMATCH
    assert ended == ["body"]
