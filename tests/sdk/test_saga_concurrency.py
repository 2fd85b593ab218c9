"""Sagas in tasks, in branches and in each other, and what is wrong with one before anything has to be undone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError
from prefixes import RememberingBackend, same_at_every_prefix

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


def book(what: str) -> str:
    if what.startswith("no"):
        raise LookupError(what)
    return f"booking of {what}"


def cancel(booking: str, what: str) -> None:
    LOG.append((booking, what))
    if what.startswith("stuck"):
        raise ConnectionError(what)


async def booking_of(ctx: DurableContext, *names: str) -> None:
    async with ctx.saga("trip") as saga:
        for name in names:
            await saga.step(name, book, name, compensate=cancel, retry=0, compensation_retry=0)


def test_steps_in_a_gather_are_undone_in_the_order_of_their_calls_and_running_ones_are_waited_for() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def slow(what: str) -> str:
            for _ in range(5):
                await asyncio.sleep(0)
            return book(what)

        async with ctx.saga() as saga:
            await asyncio.gather(
                saga.step("slow", slow, "slow", compensate=cancel, retry=0),
                saga.step("no", book, "no", compensate=cancel, retry=0),
                saga.step("fast", book, "fast", compensate=cancel, retry=0),
            )

    execution = Execution(handler)
    assert execution.error()["ErrorType"] == "LookupError"
    assert LOG == [("booking of fast", "fast"), ("booking of slow", "slow")]
    assert execution.error()["ErrorType"] == "LookupError"


def test_steps_that_a_task_group_cancelled_do_not_keep_the_others_from_being_undone() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga() as saga:
            await saga.step("flight", book, "flight", compensate=cancel)
            async with asyncio.TaskGroup() as group:
                group.create_task(saga.step("forever", asyncio.Event().wait, compensate=cancel))
                group.create_task(saga.step("no", book, "no", compensate=cancel, retry=0))

    execution = Execution(handler)
    assert execution.error()["ErrorType"] == "ExceptionGroup"
    assert LOG == [("booking of flight", "flight")]
    assert execution.error()["ErrorType"] == "ExceptionGroup"
    assert len(LOG) == 1


def test_the_order_of_compensations_does_not_depend_on_the_timing_of_tasks() -> None:
    """Two tasks with two steps each: the second task is ahead at first; on replay both are as fast."""
    late = [5]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def body(what: str) -> str:
            for _ in range(late[0] if what == "a1" else 0):
                await asyncio.sleep(0)
            return what

        async def two(saga: Any, name: str) -> None:
            await saga.step(f"{name}1", body, f"{name}1", compensate=cancel)
            await saga.step(f"{name}2", body, f"{name}2", compensate=cancel)

        async with ctx.saga() as saga:
            await asyncio.gather(two(saga, "a"), two(saga, "b"))
            raise ValueError("no")

    backend = RememberingBackend()
    execution = Execution(handler, backend=backend)
    assert execution.error()["ErrorType"] == "ValueError"
    for state in backend.states:
        late[0] = 0
        again = Execution(handler, backend=RememberingBackend(state))
        assert again.error()["ErrorType"] == "ValueError"


def test_sagas_may_be_nested_and_each_undoes_its_own() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga("outer") as outer:
            await outer.step("flight", book, "flight", compensate=cancel)
            try:
                async with ctx.saga("inner") as inner:
                    await inner.step("hotel", book, "hotel", compensate=cancel)
                    raise ValueError("inner")
            except ValueError:
                LOG.append("inner is over")
            await outer.step("car", book, "car", compensate=cancel)
            raise ValueError("outer")

    execution = same_at_every_prefix(handler)
    LOG.clear()
    fresh = Execution(handler)
    assert fresh.error()["ErrorMessage"] == "outer"
    assert LOG == [
        ("booking of hotel", "hotel"),
        "inner is over",
        ("booking of car", "car"),
        ("booking of flight", "flight"),
    ]
    assert execution.error()["ErrorMessage"] == "outer"


def test_a_saga_in_a_branch_works_with_the_context_of_the_branch() -> None:
    async def branch(ctx: DurableContext) -> None:
        await booking_of(ctx, "flight", "no hotel")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("trips", [branch, branch])
        return [repr(error) for error in batch.errors()][:1]

    assert Execution(handler).result() == ["LookupError('no hotel')"]
    assert ("booking of flight", "flight") in LOG


@pytest.mark.parametrize("compensate", [None, "cancel", 5])
def test_a_compensation_that_is_no_function_is_refused_before_the_step_is_begun(compensate: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga() as saga:
            with pytest.raises(ValidationError):
                await saga.step("flight", book, "flight", compensate=compensate)

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []


def test_a_compensation_retry_that_cannot_be_right_is_refused_before_the_step_is_begun() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga() as saga:
            await saga.step("flight", book, "flight", compensate=cancel, compensation_retry=-1)

    execution = Execution(handler)
    assert execution.error()["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert execution.calls == []


@pytest.mark.parametrize("name", ["", "x" * 257, "über"])
def test_a_name_of_a_saga_is_checked_before_anything_has_to_be_undone(name: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga(name) as saga:
            await saga.step("flight", book, "flight", compensate=cancel)

    execution = Execution(handler)
    assert execution.error()["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert execution.calls == []
