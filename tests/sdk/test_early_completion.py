"""A batch that is decided early: its other branches are cancelled, and nothing of theirs is stored afterwards."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from drive import Execution, JumpingLoop
from durable_lambda import Completion, DurableContext, Suspended

FIRST = Completion.first_successful()


async def wins(ctx: DurableContext) -> str:
    await ctx.step("win", asyncio.sleep, 0)
    return "won"


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


def racing(loser: Any, *, nesting: Any = "nested", waits_after: bool = True) -> Any:
    """A batch that the second branch decides; whatever the first does after that has time to be done."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("race", {"loser": loser, "winner": wins}, completion=FIRST, nesting=nesting)
        if waits_after:
            await ctx.step("afterwards", turns)
            await ctx.wait("pause", 60)
        return [item.status for item in batch] + batch.results()

    return handler


def decided(execution: Execution) -> list[tuple[str, str | None, str]]:
    """What was sent after the decision."""
    sent = execution.sent
    return sent[sent.index(("CONTEXT", "race", "SUCCEED")) + 1 :]


AFTERWARDS = [("STEP", "afterwards", "START"), ("STEP", "afterwards", "SUCCEED"), ("WAIT", "pause", "START")]
RESULT = ["STARTED", "SUCCEEDED", "won"]


def ends_alike(loser: Any, nesting: Any = "nested") -> Execution:
    """The loser leaves nothing behind, in the invocation that decided and in those after it."""
    execution = Execution(racing(loser, nesting=nesting))
    execution.suspends()
    assert decided(execution) == AFTERWARDS
    execution.elapse()
    assert execution.result() == RESULT
    assert execution.sent == []
    assert execution.result() == RESULT
    return execution


async def in_an_async_body(ctx: DurableContext) -> str:
    await ctx.step("lose", forever)
    return await ctx.step("never", str)


async def in_a_wait(ctx: DurableContext) -> str:
    await ctx.wait("lose", 3600)
    return await ctx.step("never", str)


async def in_a_callback(ctx: DurableContext) -> str:
    await ctx.callback_result(await ctx.create_callback("lose"))
    return await ctx.step("never", str)


async def in_its_own_code(ctx: DurableContext) -> str:
    await ctx.step("lose", str)
    await forever()
    return await ctx.step("never", str)


async def in_a_child(ctx: DurableContext) -> str:
    return await ctx.run_in_child_context("inner", in_an_async_body)


async def in_a_batch(ctx: DurableContext) -> str:
    return (await ctx.parallel("inner", [in_an_async_body, in_its_own_code_deeper])).results()[0]


async def in_its_own_code_deeper(ctx: DurableContext) -> str:
    try:
        await forever()
    finally:
        await ctx.step("never", str)


async def in_a_task(ctx: DurableContext) -> str:
    async def work() -> str:
        await ctx.step("lose", forever)
        return await ctx.step("never", str)

    return (await asyncio.gather(work()))[0]


async def in_a_retry(ctx: DurableContext) -> str:
    def fails() -> None:
        raise ConnectionError

    await ctx.step("lose", fails, retry=3)
    return await ctx.step("never", str)


async def swallows_it_all(ctx: DurableContext) -> str:
    while True:
        try:
            return await ctx.step("lose", forever)
        except BaseException:
            return await ctx.step("never", str)


async def tries_for_ever(ctx: DurableContext) -> str:
    while True:
        try:
            await ctx.step("lose", forever)
        except BaseException:
            await asyncio.sleep(0)


async def returns_a_value_instead(ctx: DurableContext) -> str:
    try:
        return await ctx.step("lose", forever)
    except asyncio.CancelledError:
        return "a result that nobody waits for"


async def fails_instead(ctx: DurableContext) -> str:
    try:
        return await ctx.step("lose", forever)
    except asyncio.CancelledError:
        raise ValueError("an error that nobody waits for") from None


async def cleans_up(ctx: DurableContext) -> str:
    try:
        return await ctx.step("lose", forever)
    finally:
        await ctx.step("never", str)


async def swallows_in_its_body(ctx: DurableContext) -> str:
    async def body() -> str:
        try:
            await forever()
        except asyncio.CancelledError:
            await turns(3)
        return "too late"

    return await ctx.step("lose", body)


async def waits_on_in_its_children(ctx: DurableContext) -> str:
    async def inner(ctx: DurableContext) -> str:
        try:
            return await ctx.run_in_child_context("innermost", in_a_wait)
        except BaseException:
            return await ctx.step("never", str)

    return await ctx.run_in_child_context("inner", inner)


LOSERS = [
    in_an_async_body,
    in_a_wait,
    in_a_callback,
    in_its_own_code,
    in_a_child,
    in_a_batch,
    in_a_task,
    in_a_retry,
    swallows_it_all,
    tries_for_ever,
    returns_a_value_instead,
    fails_instead,
    cleans_up,
    swallows_in_its_body,
    waits_on_in_its_children,
]


@pytest.mark.parametrize("nesting", ["nested", "flat"])
@pytest.mark.parametrize("loser", LOSERS, ids=lambda loser: loser.__name__)
def test_nothing_of_a_loser_is_stored_after_the_decision(loser: Any, nesting: Any) -> None:
    execution = ends_alike(loser, nesting)
    assert "never" not in execution.ids
    assert not {"CANCEL", "FAIL"} & {action for _, _, action in execution.sent}


def test_a_loser_is_cancelled_where_it_is() -> None:
    seen: list[str] = []

    async def loser(ctx: DurableContext) -> None:
        async def body() -> None:
            try:
                await forever()
            except asyncio.CancelledError:
                seen.append("body")
                raise

        try:
            await ctx.step("lose", body)
        finally:
            seen.append("branch")

    ends_alike(loser)
    assert seen == ["body", "branch"]


def test_an_operation_that_a_loser_calls_is_refused_with_the_reason() -> None:
    told: list[str] = []

    async def loser(ctx: DurableContext) -> None:
        try:
            await forever()
        finally:
            try:
                await ctx.step("never", str)
            except Suspended as suspended:
                told.append(f"{suspended.code}: {suspended}")

    ends_alike(loser)
    assert len(told) == 1
    assert told[0].startswith("ENDING: step 'never' was called when its batch was decided without this branch")


def test_the_outcome_of_a_def_body_that_goes_on_is_discarded() -> None:
    """The decision does not wait for it; it ends when everything else has."""
    released = threading.Event()
    begun = threading.Event()

    async def loser(ctx: DurableContext) -> str:
        def body() -> str:
            begun.set()
            assert released.wait(10)
            return "too late"

        return await ctx.step("lose", body)

    async def winner(ctx: DurableContext) -> str:
        return await ctx.step("win", lambda: "won" if begun.wait(10) else "")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("race", {"loser": loser, "winner": winner}, completion=FIRST)
        await ctx.step("release", released.set)
        await ctx.step("afterwards", turns)
        return batch.results()

    execution = Execution(handler)
    assert execution.result() == ["won"]
    assert [name for _, name, _ in decided(execution)] == ["release", "release", "afterwards", "afterwards"]
    assert execution.operation("loser").status == "STARTED"
    assert execution.result() == ["won"]


def test_an_invocation_does_not_wait_for_a_loser() -> None:
    async def loser(ctx: DurableContext) -> None:
        await ctx.step("lose", asyncio.sleep, 3600)

    loop = JumpingLoop()
    execution = Execution(racing(loser, waits_after=False), loop=loop)
    assert execution.result() == RESULT
    assert loop.now < 60
    loop.close()
