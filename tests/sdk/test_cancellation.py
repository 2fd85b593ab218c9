"""Cancellation: what user code cancels is recorded, and a replay, whose timing differs, comes to the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError, DurableContext
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.beginning import Beginning
from recording import RecordingBackend

HAS_BEGUN = threading.Event()
"""The slow step of this run has."""


async def forever() -> None:
    HAS_BEGUN.set()
    await asyncio.Event().wait()


def fail() -> None:
    """On a thread, so it has to wait for what it ends: a branch that is cut off earlier gets further on a replay."""
    assert HAS_BEGUN.wait(10)
    raise ValueError("no")


async def slow_branch(ctx: DurableContext) -> str:
    await ctx.step("first of the slow", str)
    await ctx.step("slow", forever)
    return "not reached"


async def failing_branch(ctx: DurableContext) -> None:
    await ctx.step("fail", fail, retry=0)


ORDERS = [(slow_branch, failing_branch), (failing_branch, slow_branch)]


async def then_waits(ctx: DurableContext) -> str:
    """What comes after the cancellation, in an invocation of its own."""
    await ctx.wait("pause", 60)
    return await ctx.step("after", lambda: "done")


def runs_alike(code: Any) -> Execution:
    """Runs to a wait, replays to it, and on to the end."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    HAS_BEGUN.clear()
    execution = Execution(handler, start_delay=0)
    execution.suspends()
    execution.suspends()
    assert execution.sent == []
    execution.elapse()
    assert execution.result() == "done"
    assert execution.result() == "done"
    assert execution.sent == []
    return execution


@pytest.mark.parametrize(
    "order", [(slow_branch, failing_branch), (failing_branch, slow_branch)], ids=["slow", "failing"]
)
def test_a_task_group_that_one_branch_ends_is_the_same_on_replay(order: Any) -> None:
    async def code(ctx: DurableContext) -> str:
        told: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                for branch in order:
                    group.create_task(branch(ctx))
        except ExceptionGroup as errors:
            told = [repr(each) for each in errors.exceptions]
        assert told == ["ValueError('no')"]
        return await then_waits(ctx)

    runs_alike(code)


@pytest.mark.parametrize(
    "order", [(slow_branch, failing_branch), (failing_branch, slow_branch)], ids=["slow", "failing"]
)
def test_a_gather_whose_rest_is_cancelled_is_the_same_on_replay(order: Any) -> None:
    async def code(ctx: DurableContext) -> str:
        tasks = [asyncio.ensure_future(branch(ctx)) for branch in order]
        with pytest.raises(ValueError, match="no"):
            await asyncio.gather(*tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return await then_waits(ctx)

    runs_alike(code)


def test_a_task_that_is_cancelled_after_an_operation_is_the_same_on_replay() -> None:
    """On replay the operation is there at once, so the task is cancelled before it has begun."""

    async def code(ctx: DurableContext) -> str:
        task = asyncio.ensure_future(slow_branch(ctx))
        await ctx.step("meanwhile", asyncio.sleep, 0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return await then_waits(ctx)

    runs_alike(code)


async def one_step(ctx: DurableContext) -> str:
    return await ctx.step("early", lambda: "early", inline=True)


async def two_steps(ctx: DurableContext) -> str:
    await ctx.step("earlier", lambda: "earlier", inline=True)
    return await one_step(ctx)


@pytest.mark.parametrize("begin", [lambda ctx: ctx.step("early", lambda: "early", inline=True), one_step, two_steps])
def test_a_cancellation_that_finds_a_task_done_finds_it_done_on_replay(begin: Any) -> None:
    """On replay nothing takes time, so the cancellation comes before the task has begun at all."""

    async def code(ctx: DurableContext) -> str:
        task = asyncio.ensure_future(begin(ctx))

        async def until_it_is_done() -> None:
            await asyncio.wait([task])

        await ctx.step("meanwhile", until_it_is_done)
        task.cancel()
        await asyncio.wait([task])
        assert not task.cancelled()
        assert task.result() == "early"
        return await then_waits(ctx)

    runs_alike(code)


def test_code_of_an_invocation_that_is_ending_is_not_begun() -> None:
    begun: list[str] = []

    async def code() -> None:
        begun.append("code")

    with pytest.raises(asyncio.CancelledError):
        Beginning(code(), lambda: False).throw(asyncio.CancelledError())
    assert begun == []


def test_an_operation_that_is_cancelled_before_its_task_has_begun_is_recorded_as_cancelled() -> None:
    async def code(ctx: DurableContext) -> str:
        task = asyncio.ensure_future(ctx.wait("cancelled pause", 3600))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return await then_waits(ctx)

    assert runs_alike(code).operation("cancelled pause").status == "CANCELLED"


def test_a_wait_that_is_cancelled_again_before_its_task_has_begun_is_cancelled() -> None:
    """An invocation that was lost between the wait's beginning and its cancellation."""

    async def code(ctx: DurableContext) -> str:
        task = asyncio.ensure_future(ctx.wait("cancelled pause", 3600))
        await ctx.step("meanwhile", asyncio.sleep, 0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return "done"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    execution = Execution(handler, start_delay=0)
    execution.result()
    execution.change("cancelled pause", status="STARTED")
    execution.result()

    assert ("WAIT", "cancelled pause", "CANCEL") in execution.sent


def test_a_wait_that_is_cancelled_after_an_operation_is_the_same_on_replay() -> None:
    async def code(ctx: DurableContext) -> str:
        async def pause() -> None:
            await ctx.wait("cancelled pause", 3600)

        task = asyncio.ensure_future(pause())
        await ctx.step("meanwhile", asyncio.sleep, 0)
        task.cancel()
        await asyncio.wait([task])
        return await then_waits(ctx)

    assert runs_alike(code).operation("cancelled pause").status == "CANCELLED"


def test_a_task_that_still_waits_when_the_function_returns_is_the_same_on_replay() -> None:
    async def waits_longer(ctx: DurableContext) -> None:
        await ctx.wait("another pause", 3600)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        task = asyncio.ensure_future(waits_longer(ctx))
        result = await then_waits(ctx)
        assert not task.done()
        return result

    execution = Execution(handler)
    execution.suspends()
    execution.change("pause", status="SUCCEEDED")
    assert execution.result() == "done"
    assert execution.result() == "done"


def test_a_child_context_that_is_cancelled_is_the_same_on_replay() -> None:
    async def code(ctx: DurableContext) -> str:
        task = asyncio.ensure_future(ctx.run_in_child_context("group", slow_branch))
        await ctx.step("meanwhile", asyncio.sleep, 0)
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return await then_waits(ctx)

    runs_alike(code)


class RefusesCancel(RecordingBackend):
    """The wait was over, a moment before the cancellation came."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[list[str]] = []

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        if any(update.action == "CANCEL" for update in updates):
            self.refused.append([update.action for update in updates])
            raise InvalidParameterValueException("Cannot cancel a WAIT that does not exist or has already completed.")
        return await super().checkpoint(arn, checkpoint_token, updates, client_token)


async def cancels_a_wait(event: Any, ctx: DurableContext) -> str:
    async def pause() -> None:
        await ctx.wait("cancelled pause", 3600)

    task = asyncio.ensure_future(pause())
    await ctx.step("meanwhile", str)
    task.cancel()
    await asyncio.wait([task])
    return await ctx.step("after", lambda: "done")


def test_a_cancellation_that_comes_too_late_is_no_failure() -> None:
    backend = RefusesCancel()
    execution = Execution(cancels_a_wait, backend=backend)
    assert execution.result() == "done"
    assert backend.refused == [["CANCEL"]], "it travels alone, since a refusal is one of the whole call"


def test_a_cancellation_whose_call_cannot_be_made_breaks_the_invocation_off() -> None:
    class Unreachable(RefusesCancel):
        async def checkpoint(self, *args: Any, **options: Any) -> CheckpointResponse:
            try:
                return await super().checkpoint(*args, **options)
            except InvalidParameterValueException:
                raise OSError("no route") from None

    with pytest.raises(BackendError, match="no route"):
        Execution(cancels_a_wait, backend=Unreachable()).run()
