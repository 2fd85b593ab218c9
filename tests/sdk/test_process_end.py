"""Exceptions that are about the process and not about the function: exits, interrupts, exhaustion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, durable_execution
from durable_lambda.engine import Engine, Limits, SkippingClock
from durable_lambda.errors import ExecutionFailedError


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


async def exits() -> None:
    import sys

    sys.exit(3)


def exits_on_a_thread() -> None:
    import sys

    sys.exit("no configuration")


async def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("body", "error_type", "told"),
    [
        (exits, "SystemExit", "SystemExit(3)"),
        (exits_on_a_thread, "SystemExit", "SystemExit('no configuration')"),
        (interrupted, "KeyboardInterrupt", "KeyboardInterrupt()"),
    ],
)
def test_an_engine_invokes_again_and_then_fails_the_execution_in_the_words_of_the_user(
    body: Any, error_type: str, told: str
) -> None:
    @durable_execution
    async def exiting(event: Any, ctx: DurableContext) -> None:
        await ctx.step("exit", body)

    with Engine(clock=SkippingClock(), limits=Limits(failed_invocations=2)) as engine:
        engine.register(exiting)
        execution = engine.start("exiting")
        with pytest.raises(ExecutionFailedError) as raised:
            execution.result(10)
        invocations = [event for event in execution.history() if event.event_type == "InvocationCompleted"]
    error = raised.value
    assert error.error_type == error_type
    assert error.error_message is not None
    assert error.error_message.startswith(f"{told} raised at {__file__}:")
    assert f"in {body.__name__}: " in error.error_message
    assert "raise an Exception" in error.error_message
    assert "durable_lambda" not in error.error_message.replace(__file__, "")
    assert error.stack_trace is not None
    assert len(invocations) == 2


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
