"""Several callbacks, several readers, and handles where they do not belong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import (
    CallbackExternalError,
    CallbackHandle,
    DurableContext,
    ValidationError,
    current_step,
)
from durable_lambda.protocol import operations as wire
from recording import PushingBackend

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
CALLBACK_ID = "cb-1ced8f5b"


async def ask(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval", timeout=300)
    return await ctx.callback_result(approval)


@pytest.fixture
def asked() -> Execution:
    """An execution that waits for its answer."""
    execution = Execution(ask)
    execution.suspends()
    return execution


async def ask_two(event: Any, ctx: DurableContext) -> list[Any]:
    first = await ctx.create_callback("first")
    second = await ctx.create_callback("second")
    return [await ctx.callback_result(first), await ctx.callback_result(second)]


def test_two_callbacks_may_be_answered_in_the_other_order() -> None:
    execution = Execution(ask_two)
    execution.suspends()
    execution.answer("second", 2)
    execution.suspends()
    execution.answer("first", 1)
    assert execution.result() == [1, 2]


def test_a_result_may_be_read_twice(asked: Execution) -> None:
    async def twice(event: Any, ctx: DurableContext) -> list[Any]:
        approval = await ctx.create_callback("approval", timeout=300)
        return [await ctx.callback_result(approval), await ctx.callback_result(approval)]

    asked.suspends(twice)
    asked.answer("approval", "yes")
    assert asked.result() == ["yes", "yes"]
    assert asked.calls == []


def test_a_failure_may_be_read_twice(asked: Execution) -> None:
    async def twice(event: Any, ctx: DurableContext) -> int:
        approval = await ctx.create_callback("approval", timeout=300)
        for _ in range(2):
            with pytest.raises(CallbackExternalError, match="too dear"):
                await ctx.callback_result(approval)
        return 2

    asked.complete("approval", "FAILED", error=wire.ErrorObject("Declined", "too dear"))
    assert asked.result(twice) == 2


def test_two_readers_at_once_both_get_the_answer_in_the_invocation_that_learns_it() -> None:
    backend = PushingBackend()

    async def read_while_a_step_works(event: Any, ctx: DurableContext) -> list[Any]:
        approval = await ctx.create_callback("approval")
        answered = asyncio.Event()

        async def work() -> str:
            after_turns(lambda: backend.push(execution.complete("approval", "SUCCEEDED", result='"yes"')))
            await answered.wait()
            return "worked"

        async def read() -> Any:
            answer = await ctx.callback_result(approval)
            answered.set()
            return answer

        return await asyncio.gather(ctx.step("work", work), read(), read())

    execution = Execution(read_while_a_step_works, backend=backend)
    assert execution.result() == ["worked", "yes", "yes"]


def test_a_callback_in_a_child_context_has_it_as_parent() -> None:
    async def ask_in_child(event: Any, ctx: DurableContext) -> Any:
        return await ctx.run_in_child_context("group", lambda ctx: ask(None, ctx))

    execution = Execution(ask_in_child)
    execution.suspends()
    assert execution.operation("approval").parent_id == execution.operation("group").id == FIRST_ID
    execution.answer("approval", "yes")
    assert execution.result() == "yes"


def test_a_parents_callback_may_be_read_in_a_child_context() -> None:
    async def read_in_child(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval")

        async def read(child: DurableContext) -> Any:
            return await child.callback_result(approval)

        return await ctx.run_in_child_context("group", read)

    execution = Execution(read_in_child)
    execution.suspends()
    execution.answer("approval", "yes")
    assert execution.result() == "yes"


def test_a_handle_that_this_execution_did_not_create_is_refused() -> None:
    async def read_foreign(event: Any, ctx: DurableContext) -> None:
        with pytest.raises(ValidationError, match="not created by this execution"):
            await ctx.callback_result(CallbackHandle("cb-of-somebody", "f" * 64, "foreign"))

    Execution(read_foreign).result()


def test_a_handle_of_another_execution_is_refused_although_the_operations_have_the_same_id() -> None:
    async def read_foreign(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval")
        with pytest.raises(ValidationError, match="not created by this execution"):
            await ctx.callback_result(CallbackHandle("cb-of-another-execution", FIRST_ID, "approval"))

    Execution(read_foreign).result()


def test_a_handle_that_points_at_another_kind_of_operation_is_refused() -> None:
    async def read_a_step(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)
        with pytest.raises(ValidationError, match="not created by this execution"):
            await ctx.callback_result(CallbackHandle(CALLBACK_ID, FIRST_ID, "work"))

    Execution(read_a_step).result()


@pytest.mark.parametrize("handle", [CALLBACK_ID, None, 5])
def test_what_is_no_handle_is_refused_with_the_right_form(handle: Any) -> None:
    async def read(event: Any, ctx: DurableContext) -> None:
        with pytest.raises(ValidationError, match=r'handle = await ctx.create_callback\("name"\)'):
            ctx.callback_result(handle)

    Execution(read).result()


def test_an_unawaited_create_callback_given_as_handle_is_refused_with_the_right_form() -> None:
    async def read(event: Any, ctx: DurableContext) -> None:
        operation: Any = ctx.create_callback("approval")
        with pytest.raises(ValidationError, match=r"await ctx.create_callback"):
            ctx.callback_result(operation)
        await operation

    Execution(read).result()


def test_two_callbacks_have_two_ids() -> None:
    execution = Execution(ask_two)
    execution.suspends()
    first, second = execution.operation("first"), execution.operation("second")
    assert first.callback_details != second.callback_details
    assert [first.id, second.id] == [first_id := FIRST_ID, second.id]
    assert second.id != first_id


def test_news_of_a_callback_that_the_code_has_not_come_to_yet_are_kept() -> None:
    backend = PushingBackend()

    async def answers_while_it_works(event: Any, ctx: DurableContext) -> list[Any]:
        answered = asyncio.Event()

        async def work() -> str:
            if current_step().attempt == 1:
                raise ConnectionError("not yet")
            backend.push(execution.complete("approval", "SUCCEEDED", result='"yes"'))
            await answered.wait()
            return "worked"

        async def ask_late() -> Any:
            for _ in range(20):
                await asyncio.sleep(0)
            answer = await ctx.callback_result(await ctx.create_callback("approval"))
            answered.set()
            return answer

        return await asyncio.gather(ctx.step("work", work), ask_late())

    execution = Execution(answers_while_it_works, backend=backend)
    execution.suspends()
    execution.elapse()
    assert execution.result() == ["worked", "yes"]


def test_reading_takes_no_number_and_sends_nothing() -> None:
    async def read_between(event: Any, ctx: DurableContext) -> None:
        approval = await ctx.create_callback("approval")
        await ctx.callback_result(approval)
        await ctx.step("after", str)

    async def no_reading(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval")
        await ctx.step("after", str)

    reading, not_reading = Execution(read_between), Execution(no_reading)
    reading.suspends()
    reading.answer("approval")
    reading.result()
    not_reading.result()
    assert reading.ids == not_reading.ids
