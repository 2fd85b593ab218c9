"""What is still under way when a function returns or gives up: it is cancelled, told, and outlives nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import DurableContext


async def forever() -> None:
    await asyncio.Event().wait()


def test_an_operation_that_is_not_awaited_is_cancelled_and_named(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("body")

    async def handler(event: Any, ctx: DurableContext) -> str:
        ctx.step("forgotten", body)
        await ctx.step("work", str)
        return "done"

    execution = Execution(handler)
    assert execution.result() == "done"
    assert ended == ["body"]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "step 'forgotten'" in warnings[0]
    assert "work" not in warnings[0]


def test_an_operation_that_was_awaited_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(ctx.step("a", str), ctx.step("b", str))

    Execution(handler).result()
    assert caplog.records == []


def test_an_operation_in_a_task_that_is_not_awaited_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        task = asyncio.ensure_future(ctx.wait("forgotten", 60))
        await ctx.step("work", str)
        assert not task.done()

    Execution(handler).result()
    assert any("wait 'forgotten'" in record.message for record in caplog.records)


def test_the_cancellation_of_what_was_not_awaited_is_not_recorded() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.step("forgotten", forever)
        await ctx.step("work", str)

    execution = Execution(handler)
    execution.result()
    assert ("STEP", "forgotten", "FAIL") not in execution.sent
    assert ("STEP", "forgotten", "SUCCEED") not in execution.sent


def test_what_was_not_awaited_does_not_hinder_a_replay() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        ctx.wait("forgotten", 60)
        await ctx.step("work", str)
        return "done"

    execution = Execution(handler)
    assert execution.result() == "done"
    assert execution.result() == "done"


def test_a_cancelled_step_is_recorded_and_cancelled_again_on_replay() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        task = asyncio.ensure_future(ctx.step("slow", forever))
        await ctx.step("work", str)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "not cancelled"

    execution = Execution(handler, start_delay=0)
    assert execution.result() == "cancelled"
    operation = execution.operation("slow")
    assert operation.status == "FAILED"
    assert operation.step_details is not None
    assert operation.step_details.error is not None
    assert operation.step_details.error.error_type == "asyncio.CancelledError"
    assert execution.result() == "cancelled"
    assert execution.sent == []


def test_a_cancelled_wait_is_recorded_and_cancelled_again_on_replay() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        started = asyncio.Event()

        async def pause() -> None:
            started.set()
            await ctx.wait("pause", 60)

        task = asyncio.ensure_future(pause())
        await started.wait()
        await ctx.step("work", str)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "not cancelled"

    execution = Execution(handler)
    assert execution.result() == "cancelled"
    assert execution.operation("pause").status == "CANCELLED"
    assert execution.result() == "cancelled"
    assert execution.sent == []


def test_a_deadline_of_asyncio_over_a_step_cancels_it_and_says_so() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await asyncio.wait_for(ctx.step("slow", forever), 0.01)
        except TimeoutError:
            return "too late"
        return "in time"

    execution = Execution(handler)
    assert execution.result() == "too late"
    assert execution.operation("slow").status == "FAILED"


def test_the_result_waits_until_what_was_cancelled_is_stored() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        step = asyncio.ensure_future(ctx.step("slow", forever))
        await ctx.step("work", str)
        step.cancel()
        return "done"

    execution = Execution(handler, start_delay=0)
    assert execution.result() == "done"
    assert execution.result() == "done"


def test_nothing_is_sent_after_the_answer() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "finished all the same"
        return ""

    async def handler(event: Any, ctx: DurableContext) -> str:
        ctx.step("stubborn", stubborn)
        await ctx.step("work", str)
        return "done"

    execution = Execution(handler)
    assert execution.result() == "done"
    sent = len(execution.backend.calls)
    other = Execution(handler, backend=execution.backend)
    other.result()
    assert ("STEP", "stubborn", "SUCCEED") not in [
        (update.type, update.name, update.action) for call in execution.backend.calls[:sent] for update in call
    ]


def test_tasks_of_the_functions_own_are_cancelled_when_it_returns() -> None:
    ended = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("background")

    async def handler(event: Any, ctx: DurableContext) -> None:
        handler_task = asyncio.ensure_future(background())
        await ctx.step("work", str)
        assert not handler_task.done()

    Execution(handler).result()
    assert ended == ["background"]


def test_a_body_that_ends_in_its_own_time_is_stored_before_the_function_returns_when_it_is_awaited() -> None:
    async def held(release: asyncio.Event) -> str:
        after_turns(release.set)
        await release.wait()
        return "held"

    async def handler(event: Any, ctx: DurableContext) -> str:
        operation = ctx.step("held", held, asyncio.Event())
        await ctx.step("work", str)
        return await operation

    execution = Execution(handler)
    assert execution.result() == "held"
    assert execution.operation("held").status == "SUCCEEDED"
