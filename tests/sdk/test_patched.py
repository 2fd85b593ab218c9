"""`patched`: code that changed while executions are in flight. Old ones go the old way, new ones the new, for life."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError
from durable_lambda.runtime.ids import operation_id
from prefixes import same_at_every_prefix


def shipping(*, before: str = "", after: str = "", wrap: Any = None) -> Any:
    """A function of a step and a wait, with a change before and after the wait."""

    async def code(ctx: DurableContext) -> list[str]:
        done = [await ctx.step("pack", lambda: "pack")]
        if before and ctx.patched(before):
            done.append(await ctx.step(f"{before} step", lambda: before))
        await ctx.wait("carrier", 60)
        if after and ctx.patched(after):
            done.append(await ctx.step(f"{after} step", lambda: after))
        await ctx.wait("delivery", 60)
        return [*done, await ctx.step("ship", lambda: "ship")]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await code(ctx) if wrap is None else await wrap(ctx, code)

    return handler


async def in_child(ctx: DurableContext, code: Any) -> Any:
    return await ctx.run_in_child_context("child", code)


async def in_virtual(ctx: DurableContext, code: Any) -> Any:
    return await ctx.run_in_child_context("child", code, virtual=True)


async def in_branch(ctx: DurableContext, code: Any) -> Any:
    return (await ctx.parallel("batch", [code])).results()[0]


async def in_flat_branch(ctx: DurableContext, code: Any) -> Any:
    return (await ctx.parallel("batch", [code], nesting="flat")).results()[0]


async def in_task(ctx: DurableContext, code: Any) -> Any:
    return (await asyncio.gather(code(ctx)))[0]


WRAPS = [None, in_child, in_virtual, in_branch, in_flat_branch, in_task]


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_new_execution_takes_the_changed_way_at_every_prefix(wrap: Any) -> None:
    fn = shipping(before="insure", after="tell", wrap=wrap)
    assert same_at_every_prefix(fn).result() == ["pack", "insure", "tell", "ship"]


@pytest.mark.parametrize("wrap", WRAPS)
def test_an_old_execution_takes_the_changed_way_only_where_it_has_not_been(wrap: Any) -> None:
    execution = Execution(shipping(wrap=wrap))
    execution.suspends()
    execution.elapse()
    changed = shipping(before="insure", after="tell", wrap=wrap)
    execution.suspends(changed)
    execution.suspends()
    execution.elapse()
    assert execution.result() == ["pack", "tell", "ship"]
    assert execution.result() == ["pack", "tell", "ship"]


@pytest.mark.parametrize("wrap", WRAPS)
def test_an_execution_that_has_gone_the_changed_way_stays_on_it(wrap: Any) -> None:
    execution = Execution(shipping(before="insure", wrap=wrap))
    execution.suspends()
    execution.suspends()
    assert execution.sent == []
    execution.elapse()
    execution.suspends()
    execution.elapse()
    assert execution.result() == ["pack", "insure", "ship"]


def test_a_patch_moves_no_operation() -> None:
    plain, patched = Execution(shipping()), Execution(shipping(before="x", after="y"))
    plain.suspends()
    patched.suspends()
    assert patched.ids["pack"] == plain.ids["pack"] == operation_id("1")
    assert patched.ids["x step"] == plain.ids["carrier"] == operation_id("2")


def test_a_patch_is_recorded_before_what_the_changed_way_does() -> None:
    execution = Execution(shipping(before="insure"))
    execution.suspends()
    sent = execution.sent
    assert sent.index(("STEP", "insure", "SUCCEED")) < sent.index(("STEP", "insure step", "START"))
    marker = execution.operation("insure")
    assert (marker.type, marker.sub_type, marker.status) == ("STEP", "Patch", "SUCCEEDED")
    assert marker.id == operation_id("patch-insure")


def test_asking_twice_gives_the_same_and_records_one_marker() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        first = ctx.patched("change")
        await ctx.wait("pause", 60)
        return [first, ctx.patched("change"), ctx.patched("change")]

    execution = same_at_every_prefix(handler)
    assert execution.result() == [True, True, True]
    assert [update.action for update in execution.backend.updates if update.name == "change"] == ["START", "SUCCEED"]


def test_asking_twice_in_an_old_execution_gives_the_first_answer() -> None:
    """Also where the second place is one that the execution had not passed."""

    async def before(event: Any, ctx: DurableContext) -> Any:
        await ctx.wait("pause", 60)

    async def after(event: Any, ctx: DurableContext) -> Any:
        first = ctx.patched("change")
        await ctx.wait("pause", 60)
        return [first, ctx.patched("change")]

    execution = Execution(before)
    execution.suspends()
    execution.elapse()
    assert execution.result(after) == [False, False]
    assert execution.result() == [False, False]


def test_a_patch_before_tasks_that_an_old_execution_has_begun_is_one_that_it_has_passed() -> None:
    async def branch(ctx: DurableContext, name: str) -> str:
        await ctx.step(f"step {name}", str)
        await ctx.wait(f"pause {name}", 60)
        return name

    def handler_with(change: bool) -> Any:
        async def handler(event: Any, ctx: DurableContext) -> Any:
            patched = change and ctx.patched("change")
            return [patched, *await asyncio.gather(branch(ctx, "a"), branch(ctx, "b"))]

        return handler

    execution = Execution(handler_with(False))
    execution.suspends()
    execution.elapse()
    assert execution.result(handler_with(True)) == [False, "a", "b"]


def test_a_patch_before_a_virtual_child_that_an_old_execution_has_begun_is_one_that_it_has_passed() -> None:
    async def child(ctx: DurableContext) -> str:
        await ctx.wait("pause", 60)
        return "child"

    def handler_with(change: bool) -> Any:
        async def handler(event: Any, ctx: DurableContext) -> Any:
            patched = change and ctx.patched("change")
            return [patched, await ctx.run_in_child_context("child", child, virtual=True)]

        return handler

    execution = Execution(handler_with(False))
    execution.suspends()
    execution.elapse()
    assert execution.result(handler_with(True)) == [False, "child"]


def test_a_patch_that_the_code_no_longer_asks_for_is_no_difference() -> None:
    async def changed(event: Any, ctx: DurableContext) -> Any:
        await ctx.step("pack", lambda: "pack")
        await ctx.step("insure step", lambda: "insure")
        await ctx.wait("carrier", 60)
        return "for good"

    execution = Execution(shipping(before="insure"))
    execution.suspends()
    execution.elapse()
    assert execution.result(changed) == "for good"


@pytest.mark.parametrize("name", [None, "", 5, "x" * 257, "über"])
def test_the_name_of_a_patch_is_checked(name: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        with pytest.raises(ValidationError):
            ctx.patched(name)

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []


def test_the_body_of_a_step_cannot_ask() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        with pytest.raises(ValidationError, match="cannot be called here"):
            await ctx.step("step", lambda: ctx.patched("change"), retry=0)

    Execution(handler).result()
