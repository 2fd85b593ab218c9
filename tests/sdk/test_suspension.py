"""Suspension: an invocation ends when the service is all that can move it, and user code cannot prevent it."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import DurableContext, Suspended

Swallow = Callable[[DurableContext], Awaitable[Any]]


async def bare_except(ctx: DurableContext) -> Any:
    try:
        await ctx.wait("pause", 60)
    except:  # noqa: E722
        return "swallowed"


async def except_base_exception(ctx: DurableContext) -> Any:
    try:
        await ctx.wait("pause", 60)
    except BaseException as error:
        return type(error).__name__


async def except_and_raise_another(ctx: DurableContext) -> Any:
    try:
        await ctx.wait("pause", 60)
    except BaseException:
        raise ValueError("instead") from None


async def gathered_as_values(ctx: DurableContext) -> Any:
    return [repr(each) for each in await asyncio.gather(ctx.wait("pause", 60), return_exceptions=True)]


async def gathered_in_coroutines_as_values(ctx: DurableContext) -> Any:
    async def wait() -> None:
        await ctx.wait("pause", 60)

    return [repr(each) for each in await asyncio.gather(wait(), return_exceptions=True)]


async def task_group(ctx: DurableContext) -> Any:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.wait("pause", 60))
    except BaseException:
        return "swallowed"


async def return_in_finally(ctx: DurableContext) -> Any:
    try:
        await ctx.wait("pause", 60)
    finally:
        return "swallowed"  # noqa: B012


async def suppressed_by_a_task(ctx: DurableContext) -> Any:
    task = asyncio.ensure_future(ctx.wait("pause", 60))
    await asyncio.wait([task])
    return str(task)


@pytest.mark.parametrize(
    "swallow",
    [
        bare_except,
        except_base_exception,
        except_and_raise_another,
        gathered_as_values,
        gathered_in_coroutines_as_values,
        task_group,
        return_in_finally,
        suppressed_by_a_task,
    ],
)
def test_a_suspension_cannot_be_swallowed(swallow: Swallow) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await swallow(ctx)

    execution = Execution(handler)
    execution.suspends()
    assert execution.sent == [("WAIT", "pause", "START")]
    execution.suspends()
    assert execution.sent == []


def test_a_loop_that_ignores_every_cancellation_does_not_hold_the_invocation(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("durable_lambda.runtime.invocation.UNWIND_SECONDS", 0.05)
    stubborn = True

    async def handler(event: Any, ctx: DurableContext) -> Any:
        while stubborn:
            try:
                await ctx.wait("pause", 60)
            except BaseException:
                continue

    execution = Execution(handler)
    execution.suspends()
    assert execution.sent == [("WAIT", "pause", "START")]
    assert any("left behind" in record.message for record in caplog.records)
    stubborn = False  # lets what was left behind be collected
    gc.collect()


def test_a_loop_that_is_late_gives_finally_blocks_their_turns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("durable_lambda.runtime.invocation.UNWIND_SECONDS", 0.0)
    closed: list[str] = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await asyncio.gather(ctx.wait("one", 60), ctx.wait("two", 60))
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    Execution(handler).suspends()
    assert (closed, caplog.records) == (["closed"], [])


def test_a_suspension_is_not_an_exception_that_user_code_catches() -> None:
    seen = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait("pause", 60)
        except Exception as error:
            seen.append(error)

    Execution(handler).suspends()
    assert seen == []


def test_finally_runs() -> None:
    seen = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait("pause", 60)
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    Execution(handler).suspends()
    assert seen == ["closed"]


def test_an_operation_called_while_unwinding_is_refused() -> None:
    seen = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait("pause", 60)
        finally:
            try:
                await ctx.step("release", str)
            except Suspended as refusal:
                seen.append(str(refusal))
                raise

    execution = Execution(handler)
    execution.suspends()
    assert execution.sent == [("WAIT", "pause", "START")]
    assert "step 'release' was called when its invocation is ending" in seen[0]


def test_an_operation_called_while_unwinding_does_not_run_its_body() -> None:
    seen = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait("pause", 60)
        finally:
            await asyncio.gather(ctx.step("release", seen.append, 1), return_exceptions=True)

    Execution(handler).suspends()
    assert seen == []


def test_finally_runs_its_operation_when_there_is_no_suspension() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait("pause", 60)
        finally:
            await ctx.step("release", str)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert execution.sent == [("STEP", "release", "START"), ("STEP", "release", "SUCCEED")]


def test_a_body_that_runs_keeps_the_invocation() -> None:
    async def held(release: asyncio.Event) -> str:
        after_turns(release.set)
        await release.wait()
        return "done"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await asyncio.gather(ctx.wait("pause", 60), ctx.step("held", held, asyncio.Event()))

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("held").status == "SUCCEEDED"
    execution.elapse()
    assert execution.result() == [None, "done"]


def test_a_body_on_a_thread_keeps_the_invocation() -> None:
    release = threading.Event()

    def held() -> str:
        assert release.wait(10)
        return "done"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        after_turns(release.set)
        return await asyncio.gather(ctx.wait("pause", 60), ctx.step("held", held))

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("held").status == "SUCCEEDED"
    execution.elapse()
    assert execution.result() == [None, "done"]


def test_a_branch_that_goes_on_keeps_the_invocation() -> None:
    async def several(ctx: DurableContext) -> list[int]:
        return [await ctx.step(f"step-{number}", int, number) for number in range(5)]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await asyncio.gather(ctx.wait("pause", 60), several(ctx))

    execution = Execution(handler)
    execution.suspends()
    assert all(execution.operation(f"step-{number}").status == "SUCCEEDED" for number in range(5))


def test_an_operation_that_nobody_awaits_does_not_suspend() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        pause = ctx.wait("pause", 60)
        for number in range(3):
            await ctx.step(f"step-{number}", int, number)
        await pause
        return "done"

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("step-2").status == "SUCCEEDED"
    execution.elapse()
    assert execution.result() == "done"


def test_an_await_that_is_not_durable_does_not_keep_the_invocation() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(ctx.wait("pause", 60), asyncio.Event().wait())

    Execution(handler).suspends()


def test_nothing_is_logged_of_a_suspension(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(ctx.wait("pause", 60), ctx.create_callback("approval"))

    with caplog.at_level(logging.DEBUG):
        Execution(handler).suspends()
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
