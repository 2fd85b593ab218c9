"""What crosses the wire, held against botocore's model of the service: every kind of update, with every option.

`drive.Execution` does so for whatever the other tests send; here are the kinds that must be among it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from drive import Execution, assert_envelope
from durable_lambda import DurableContext, Retry, durable_execution
from recording import RecordingBackend, invocation
from wire import assert_matches

LONGEST_NAME = "n" * 256


async def child(ctx: DurableContext) -> str:
    await ctx.step("in the child", str)
    return "done"


async def large_child(ctx: DurableContext) -> str:
    return "x" * 300_000


async def failing_child(ctx: DurableContext) -> None:
    raise LookupError("no such thing: é😀")


def fail() -> None:
    raise ConnectionError("é😀\u2028 \x00")


async def step(ctx: DurableContext) -> Any:
    return await ctx.step(LONGEST_NAME, lambda: {"text": "é😀", "number": 1.5})


async def nameless(ctx: DurableContext) -> Any:
    return await ctx.step(None, str)


async def step_at_most_once(ctx: DurableContext) -> Any:
    return await ctx.step("work", str, at_most_once=True)


async def step_that_retries(ctx: DurableContext) -> Any:
    return await ctx.step("work", fail, retry=Retry(initial_delay=31_622_400, max_delay=31_622_400, jitter="none"))


async def step_that_retries_at_once(ctx: DurableContext) -> Any:
    return await ctx.step("work", fail, retry=Retry(initial_delay=0))


async def step_that_fails(ctx: DurableContext) -> Any:
    await asyncio.gather(ctx.step("work", fail, retry=0), return_exceptions=True)


async def step_that_is_cancelled(ctx: DurableContext) -> Any:
    held = asyncio.ensure_future(ctx.step("held", asyncio.Event().wait))
    await ctx.step("work", str)
    held.cancel()
    await asyncio.wait([held])


async def wait(ctx: DurableContext) -> Any:
    await ctx.wait("pause", timedelta(days=366))


async def callback(ctx: DurableContext) -> Any:
    await ctx.create_callback("approval", timeout=99_999_999, heartbeat_timeout=1)


async def callback_without_timers(ctx: DurableContext) -> Any:
    await ctx.create_callback("approval")


async def child_context(ctx: DurableContext) -> Any:
    return await ctx.run_in_child_context("group", child)


async def virtual_context(ctx: DurableContext) -> Any:
    return await ctx.run_in_child_context("group", child, virtual=True)


async def large_child_context(ctx: DurableContext) -> Any:
    return len(await ctx.run_in_child_context("group", large_child))


async def failing_child_context(ctx: DurableContext) -> Any:
    return await ctx.run_in_child_context("group", failing_child)


async def tasks(ctx: DurableContext) -> Any:
    return await asyncio.gather(step(ctx), child_context(ctx), wait(ctx))


async def large_result(ctx: DurableContext) -> Any:
    return "x" * (6 * 1024 * 1024 - 50)


KINDS = {
    step: "START SUCCEED",
    nameless: "START SUCCEED",
    step_at_most_once: "START SUCCEED",
    step_that_retries: "START RETRY",
    step_that_retries_at_once: "START RETRY",
    step_that_fails: "START FAIL",
    step_that_is_cancelled: "START START SUCCEED FAIL",
    wait: "START",
    callback: "START",
    callback_without_timers: "START",
    child_context: "START START SUCCEED SUCCEED",
    virtual_context: "START SUCCEED",
    large_child_context: "START SUCCEED",
    failing_child_context: "START FAIL",
    tasks: "START START START START SUCCEED SUCCEED SUCCEED",
}


@pytest.mark.parametrize("code", KINDS, ids=lambda code: code.__name__)
def test_every_kind_of_update_is_as_the_service_wants_it(code: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx)

    execution = Execution(handler)
    envelope = execution.run()
    updates = [update for call in execution.calls for update in call]
    assert sorted(update.action for update in updates) == sorted(KINDS[code].split())
    assert_matches("OperationUpdates", msgspec.to_builtins(updates))
    assert envelope["Status"] in ("SUCCEEDED", "FAILED", "PENDING")


def test_the_update_of_a_large_result_is_as_the_service_wants_it() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await large_result(ctx)

    backend = RecordingBackend()
    assert_envelope(durable_execution(backend=backend)(handler)(invocation(), None))
    assert_matches("OperationUpdates", msgspec.to_builtins(backend.updates))


def test_a_parent_comes_before_its_children() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await tasks(ctx)

    execution = Execution(handler)
    execution.run()
    seen: set[str | None] = {None}
    for update in execution.backend.updates:
        assert update.parent_id in seen
        seen.add(update.id)


def test_the_updates_of_an_operation_agree_about_what_it_is() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await tasks(ctx)

    execution = Execution(handler)
    execution.run()
    known: dict[str, tuple[Any, ...]] = {}
    for update in execution.backend.updates:
        identity = (update.type, update.sub_type, update.name, update.parent_id)
        assert known.setdefault(update.id, identity) == identity


@pytest.mark.parametrize(
    "update",
    [
        {"Id": "a", "Type": "STEP"},
        {"Id": "a", "Type": "STEP", "Action": "BEGIN"},
        {"Id": "a" * 65, "Type": "STEP", "Action": "START"},
        {"Id": "a", "Type": "STEP", "Action": "START", "Name": "é"},
        {"Id": "a", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 0}},
        {"Id": "a", "Type": "STEP", "Action": "START", "Unknown": 1},
    ],
    ids=str,
)
def test_the_referee_sees_what_is_wrong(update: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        assert_matches("OperationUpdates", [update])


@pytest.mark.parametrize(
    "envelope",
    [
        {"Status": "PENDING", "Result": "1"},
        {"Status": "SUCCEEDED"},
        {"Status": "FAILED", "Result": "1"},
        {"Status": "FAILED", "Error": {"Type": "x"}},
    ],
    ids=str,
)
def test_the_referee_of_answers_sees_what_is_wrong(envelope: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        assert_envelope(envelope)
