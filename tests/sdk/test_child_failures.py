"""Child contexts that fail, and contexts that are used where they do not belong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import ChildContextError, DurableContext, SerializationError


class LostError(Exception):
    pass


def caught_on_both_runs(error: BaseException) -> Exception:
    """What the caller of a child context that raises catches, alike on the first run and on replay."""
    seen: list[Exception] = []

    async def child(ctx: DurableContext) -> None:
        await ctx.step("before", str)
        raise error

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.run_in_child_context("ship", child)
        except Exception as caught:
            seen.append(caught)

    execution = Execution(handler)
    execution.result()
    assert execution.operation("ship").status == "FAILED"
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert (type(first), str(first)) == (type(replayed), str(replayed))
    return replayed


@pytest.mark.parametrize("error", [LostError("lost"), ValueError("no"), KeyError("key")], ids=repr)
def test_a_failure_comes_back_as_itself(error: Exception) -> None:
    caught = caught_on_both_runs(error)
    assert type(caught) is type(error)
    assert caught.args == error.args


def test_a_failure_that_cannot_be_rebuilt_is_a_child_context_error() -> None:
    class LocalError(Exception):
        pass

    caught = caught_on_both_runs(LocalError("lost"))
    assert type(caught) is ChildContextError
    assert caught.code == "CHILD_CONTEXT_FAILED"
    assert caught.operation_name == "ship"
    assert caught.error_message == "lost"
    assert caught.error_type is not None
    assert caught.error_type.endswith("LocalError")


def test_a_failure_of_a_step_passes_through_the_child_as_itself() -> None:
    def lose() -> None:
        raise LostError("lost")

    async def child(ctx: DurableContext) -> None:
        await ctx.step("lose", lose, retry=0)

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.run_in_child_context("ship", child)
        except LostError as error:
            return str(error)
        return ""

    execution = Execution(handler)
    assert execution.result() == "lost"
    assert execution.result() == "lost"


def test_a_result_that_cannot_be_stored_fails_the_child_and_can_be_caught() -> None:
    async def child(ctx: DurableContext) -> Any:
        return object()

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.run_in_child_context("ship", child)
        except SerializationError as error:
            return str(error)
        return ""

    execution = Execution(handler)
    first = execution.result()
    assert "object" in first
    assert execution.operation("ship").status == "FAILED"
    assert execution.result() == first


def test_a_suspension_in_a_child_records_no_failure() -> None:
    async def child(ctx: DurableContext) -> None:
        try:
            await ctx.wait("pause", 60)
        finally:
            await asyncio.sleep(0)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("ship", child)

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("ship").status == "STARTED"


def test_a_child_that_user_code_cancels_is_recorded_and_cancelled_again() -> None:
    async def child(ctx: DurableContext) -> None:
        await ctx.step("held", asyncio.Event().wait)

    async def handler(event: Any, ctx: DurableContext) -> str:
        task = asyncio.ensure_future(ctx.run_in_child_context("ship", child))
        await ctx.step("work", str)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "not cancelled"

    execution = Execution(handler)
    assert execution.result() == "cancelled"
    details = execution.operation("ship").context_details
    assert details is not None
    assert details.error is not None
    assert details.error.error_type == "asyncio.CancelledError"
    assert execution.result() == "cancelled"
    assert execution.sent == []


# Contexts where they do not belong


def refused(code: Any) -> str:
    """The text of the error that ends an execution with this code."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    return error["ErrorMessage"]


def test_a_parents_context_in_a_child_is_refused() -> None:
    async def code(parent: DurableContext) -> None:
        async def child(ctx: DurableContext) -> None:
            await parent.step("inner", str)

        await parent.run_in_child_context("ship", child)

    text = refused(code)
    assert "step 'inner' cannot be called here" in text
    assert "use the ctx that this function was given" in text


def test_a_childs_context_in_its_parent_is_refused() -> None:
    async def code(parent: DurableContext) -> None:
        kept = []

        async def child(ctx: DurableContext) -> None:
            kept.append(ctx)

        await parent.run_in_child_context("ship", child)
        await kept[0].step("late", str)

    text = refused(code)
    assert "step 'late' cannot be called here" in text
    assert "its context's function has returned" in text


def test_a_context_of_another_invocation_is_refused() -> None:
    kept: list[DurableContext] = []

    async def keep(event: Any, ctx: DurableContext) -> None:
        kept.append(ctx)

    Execution(keep).result()

    async def code(ctx: DurableContext) -> None:
        await kept[0].wait("late", 5)

    assert "wait 'late' cannot be called here" in refused(code)


def test_a_childs_context_is_used_in_the_tasks_that_it_creates() -> None:
    async def child(ctx: DurableContext) -> list[str]:
        async def one(name: str) -> str:
            return await ctx.step(name, lambda: name)

        return await asyncio.gather(one("a"), one("b"))

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.run_in_child_context("ship", child)

    execution = Execution(handler)
    assert execution.result() == ["a", "b"]
    assert execution.operation("a").parent_id == execution.ids["ship"]


@pytest.mark.parametrize("what", [None, 5, "name"])
def test_what_is_no_function_is_refused(what: Any) -> None:
    async def code(ctx: DurableContext) -> None:
        await ctx.run_in_child_context("ship", what)

    assert "takes a function after the name" in refused(code)


def test_a_coroutine_instead_of_a_function_is_refused_with_the_right_form() -> None:
    async def child(ctx: DurableContext) -> None:
        pass

    async def code(ctx: DurableContext) -> None:
        argument: Any = child(ctx)
        await ctx.run_in_child_context("ship", argument)

    text = refused(code)
    assert "ctx.run_in_child_context(name, child, …), not child(…)" in text


def test_a_function_that_does_not_take_the_context_fails_with_its_own_error() -> None:
    async def child() -> None:
        pass

    async def handler(event: Any, ctx: DurableContext) -> None:
        argument: Any = child
        await ctx.run_in_child_context("ship", argument)

    assert Execution(handler).error()["ErrorType"] == "TypeError"
