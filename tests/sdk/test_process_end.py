"""Exceptions that are about the process and not about the function: exits, interrupts, exhaustion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=lambda error: type(error).__name__)
def test_a_handler_that_ends_the_process_ends_the_invocation_without_an_answer(error: BaseException) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("before", str)
        raise error

    execution = Execution(handler)
    with pytest.raises(type(error)):
        execution.run()
    assert execution.operation("before").status == "SUCCEEDED"
    assert Execution(quick).result() == "done", "the loop still works"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("on_thread", [False, True], ids=["async", "thread"])
def test_a_body_that_ends_the_process_ends_the_invocation_without_an_answer(
    error: BaseException, on_thread: bool
) -> None:
    async def async_body() -> None:
        raise error

    def body() -> None:
        raise error

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("exit", body if on_thread else async_body)

    execution = Execution(handler)
    with pytest.raises(type(error)):
        execution.run()
    assert [action for _, _, action in execution.sent] in ([], ["START"])
    assert Execution(quick).result() == "done", "the loop still works"


async def quick(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("quick", lambda: "done")


def recurse() -> None:
    recurse()


def out_of_memory() -> None:
    raise MemoryError


@pytest.mark.parametrize(("body", "name"), [(recurse, "RecursionError"), (out_of_memory, "MemoryError")])
@pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])
def test_a_body_that_exhausts_the_process_fails_as_any_other(body: Any, name: str, inline: bool) -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("body", body, retry=0, inline=inline)
        except (RecursionError, MemoryError) as error:
            return type(error).__name__
        return "no error"

    execution = Execution(handler)
    assert execution.result() == name
    assert execution.result() == name, "and on replay"


def test_a_cancelled_error_of_user_code_fails_the_execution() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("before", str)
        raise asyncio.CancelledError("on my own account")

    error = Execution(handler).error()
    assert error["ErrorType"] == "asyncio.CancelledError"
