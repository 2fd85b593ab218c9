"""What somebody new is told when something goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    BatchError,
    CallbackTimeoutError,
    DurableContext,
    StepTimeoutError,
    ValidationError,
    durable_execution,
)


async def never() -> None:
    await asyncio.Event().wait()


def test_a_time_out_is_caught_as_any_time_out() -> None:
    assert issubclass(CallbackTimeoutError, TimeoutError)

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("slow", never, timeout=0.01, retry=0)
        except TimeoutError as error:
            return f"{type(error).__name__}: {error}"
        return ""

    execution = Execution(handler)
    first = execution.result()
    assert first.startswith(f"{StepTimeoutError.__name__}: step 'slow' did not end within its timeout")
    assert execution.result() == first


def test_the_error_of_a_batch_tells_the_first_cause() -> None:
    async def broken(ctx: DurableContext) -> None:
        raise LookupError("no such order")

    async def handler(event: Any, ctx: DurableContext) -> str:
        batch = await ctx.parallel("orders", [broken, broken])
        with pytest.raises(BatchError) as caught:
            batch.results()
        return str(caught.value)

    assert "the first with LookupError: no such order" in Execution(handler).result()


def test_a_thread_with_the_functions_context_variables_is_still_another_thread() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        with pytest.raises(ValidationError, match="not from a thread"):
            await asyncio.to_thread(lambda: ctx.step("work", never))
        return "refused"

    execution = Execution(handler)
    assert execution.result() == "refused"
    assert execution.calls == []


def test_an_exception_where_the_history_goes_on_is_told_first() -> None:
    async def before(event: Any, ctx: DurableContext) -> None:
        await ctx.step("one", lambda: 1)
        await ctx.wait("pause", 60)

    async def after(event: Any, ctx: DurableContext) -> None:
        await ctx.step("one", lambda: 1)
        raise KeyError("a typo")

    execution = Execution(before)
    execution.suspends()
    message = execution.error(after)["ErrorMessage"]
    assert message.startswith("KeyError: 'a typo'\nwas raised where the history goes on:")
    assert "recorded: WAIT 'pause'" in message


async def branch(ctx: DurableContext) -> int:
    return 1


@pytest.mark.parametrize("replayed", [False, True])
def test_what_was_not_awaited_and_is_used_tells_to_await_it(replayed: bool) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = ctx.parallel("orders", [branch])
        if replayed:
            await batch
        with pytest.raises(AttributeError, match="an operation has no 'results': await it, and ask what it gives"):
            return batch.results()  # type: ignore[attr-defined]  # it is the mistake
        return await batch

    execution = Execution(handler)
    execution.run()
    execution.run()


def test_what_was_not_awaited_and_is_returned_tells_to_await_it() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return {"paid": ctx.step("pay", lambda: 1)}

    assert "an operation is not its result: await it" in Execution(handler).error()["ErrorMessage"]


def test_what_is_none_by_its_annotation_and_is_not_tells_nothing_of_numbers() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        return 1  # type: ignore[return-value]  # it is the mistake

    told = Execution(handler).error()["ErrorMessage"]
    assert told.endswith("a value of type int does not fit the declared None: Expected `null`, got `int`")


def test_a_handler_that_is_called_by_hand_tells_how_it_is_run() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None: ...

    with pytest.raises(ValueError, match="durable run"):
        durable_execution(handler)({"order": 1}, None)
