"""Batches on replay: the same result from every state of the history, large results, and differences."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext
from durable_lambda.protocol import operations as wire
from durable_lambda.runtime.ids import operation_id
from prefixes import same_at_every_prefix

KIB = 1024
MISMATCH = "durable_lambda.errors.NonDeterministicExecutionError"
ALL = Completion.all_completed()


async def mixed(item: int, ctx: DurableContext) -> int:
    """Items that succeed, fail, wait, try again and wait for an answer."""

    async def flaky() -> int:
        if item not in tried:
            tried.add(item)
            raise ConnectionError
        return item

    match item % 5:
        case 0:
            return await ctx.step(f"step {item}", lambda: item)
        case 1:
            await ctx.wait(f"wait {item}", 60)
            raise LookupError(f"failed {item}")
        case 2:
            return await ctx.step(f"flaky {item}", flaky, retry=3)
        case 3:
            return await ctx.callback_result(await ctx.create_callback(f"ask {item}"), int)
        case _:
            return (await ctx.map(f"inner {item}", [item], lambda one, ctx: mixed(one - 4, ctx))).results()[0]


tried: set[int] = set()


@pytest.mark.parametrize("options", [{}, {"max_concurrency": 2}, {"batch_size": 3}, {"nesting": "flat"}])
def test_a_batch_of_all_kinds_of_branches_is_the_same_at_every_prefix(options: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.map("items", range(5), mixed, completion=ALL, **options)
        await ctx.wait("pause", 60)
        return [[item.status, item.result, repr(item.error)] for item in batch]

    tried.clear()
    assert same_at_every_prefix(handler, {"ask 3": 3}).result() == [
        ["SUCCEEDED", 0, "None"],
        ["FAILED", None, "LookupError('failed 1')"],
        ["SUCCEEDED", 2, "None"],
        ["SUCCEEDED", 3, "None"],
        ["SUCCEEDED", 0, "None"],
    ]


RUNS: list[str] = []


async def large(name: str, ctx: DurableContext) -> str:
    RUNS.append(name)
    if name == "lost":
        await ctx.step("lose", asyncio.sleep, 3600)
    if name == "bad":
        raise LookupError("no")
    return await ctx.step(name, lambda: name * 100 * KIB)


def large_map(**options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        completion = Completion.when(lambda progress: progress.completed_count == 4)
        batch = await ctx.map("large", ["a", "bad", "lost", "c", "d"], large, completion=completion, **options)
        await ctx.wait("pause", 60)
        return [[item.name, item.status, (item.result or "")[:1], repr(item.error)] for item in batch] + [
            batch.completion_reason,
            batch.is_met,
        ]

    return handler


@pytest.mark.parametrize("nesting", ["nested", "flat"])
def test_a_large_result_is_stored_as_a_summary_and_comes_back_from_its_branches(nesting: Any) -> None:
    RUNS.clear()
    execution = Execution(large_map(nesting=nesting))
    execution.suspends()
    details = execution.operation("large").context_details
    assert details is not None
    assert details.replay_children is True
    assert json.loads(details.result or "") == {
        "type": "MapResult",
        "totalCount": 5,
        "successCount": 3,
        "failureCount": 1,
        "startedCount": 1,
        "startedIndexes": [2],
        "completionReason": "CUSTOM_COMPLETION_SUCCEEDED",
        "status": "SUCCEEDED",
        "itemStatuses": "SF-SS",
    }
    RUNS.clear()
    execution.elapse()
    result = execution.result()
    assert [each[1:] for each in result[:5]] == [
        ["SUCCEEDED", "a", "None"],
        ["FAILED", "", "LookupError('no')"],
        ["STARTED", "", "None"],
        ["SUCCEEDED", "c", "None"],
        ["SUCCEEDED", "d", "None"],
    ]
    assert result[5:] == ["CUSTOM_COMPLETION_SUCCEEDED", True]
    assert execution.sent == [], "nothing is stored again"
    run_again = [] if nesting == "nested" else ["a", "bad", "c", "d"]
    assert run_again == RUNS


def test_a_large_result_of_a_branch_replays_the_children_of_that_branch() -> None:
    async def branch(ctx: DurableContext) -> str:
        parts = [await ctx.step(f"part {number}", lambda: "x" * 200 * KIB) for number in range(2)]
        return "".join(parts)

    async def small(ctx: DurableContext) -> str:
        await ctx.wait("pause in small", 5)
        return "small"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("both", {"large": branch, "small": small})
        await ctx.wait("pause", 60)
        return [len(each) for each in batch.results()]

    assert same_at_every_prefix(handler).result() == [400 * KIB, 5]


def test_a_summary_of_another_sdk_without_statuses_is_read_from_the_branches() -> None:
    execution = Execution(large_map())
    execution.suspends()
    details = execution.operation("large").context_details
    assert details is not None
    summary = json.loads(details.result or "")
    del summary["itemStatuses"], summary["startedIndexes"]
    changed = type(details)(True, json.dumps(summary))
    execution.change("large", context_details=changed)
    execution.elapse()
    assert [each[1] for each in execution.result()[:5]] == ["SUCCEEDED", "FAILED", "STARTED", "SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize("nesting", ["nested", "flat"])
@pytest.mark.parametrize("which", [{"startedIndexes": [2]}, {"completedIndexes": [0, 1, 3]}])
def test_a_summary_of_the_official_sdk_tells_which_branches_were_begun_and_which_were_done(
    nesting: Any, which: Any
) -> None:
    execution = Execution(large_map(nesting=nesting))
    execution.suspends()
    summary = {"type": "MapResult", "totalCount": 4, "completionReason": "MIN_SUCCESSFUL_REACHED", **which}
    counts = {"startedCount": 1, "successCount": 2, "failureCount": 1, "status": "FAILED"}
    execution.change("large", context_details=wire.ContextDetails(True, json.dumps(summary | counts)))
    execution.elapse()
    statuses = [each[1] for each in execution.result()[:5]]
    assert statuses == ["SUCCEEDED", "FAILED", "STARTED", "SUCCEEDED", "STARTED"]


@pytest.mark.parametrize("payload", ["", "no json", "{}", '{"all": [{"index": 9, "status": "SUCCEEDED"}]}'])
def test_a_recorded_result_that_cannot_be_read_is_an_error_of_the_await(payload: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.map("items", [1], lambda item, ctx: ctx.step("s", lambda: item))).results()

    execution = Execution(handler)
    execution.result()
    details = execution.operation("items").context_details
    assert details is not None
    execution.change("items", context_details=type(details)(False, payload))
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.DeserializationError"
    assert "'items'" in error["ErrorMessage"]


def test_a_branch_whose_result_cannot_be_stored_has_failed() -> None:
    async def branch(ctx: DurableContext) -> Any:
        return {1, 2}

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("batch", [branch])
        return [type(batch.errors()[0]).__name__, batch.errors()[0].operation_name]  # type: ignore[attr-defined]

    assert same_at_every_prefix(handler).result() == ["SerializationError", "parallel-branch-0"]


def test_a_branch_that_ends_cancelled_has_failed_with_that_and_the_same_on_replay() -> None:
    async def branch(ctx: DurableContext) -> None:
        raise asyncio.CancelledError

    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("batch", [branch], completion=ALL)
        await ctx.wait("pause", 60)
        return [batch.items[0].status, type(batch.items[0].error).__name__]

    assert same_at_every_prefix(handler).result() == ["FAILED", "CancelledError"]


def test_an_error_whose_class_is_unknown_is_a_child_context_error_in_both_runs() -> None:
    class Local(Exception):  # noqa: N818
        pass

    async def branch(ctx: DurableContext) -> None:
        raise Local("who am I")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        error = (await ctx.parallel("batch", [branch])).errors()[0]
        return [type(error).__name__, str(error)]

    name, text = same_at_every_prefix(handler).result()
    assert name == "ChildContextError"
    assert "who am I" in text
    assert "'parallel-branch-0'" in text


async def stepped(item: str, ctx: DurableContext) -> None:
    await ctx.step(f"step {item}", str)
    await ctx.wait(f"wait {item}", 60)


def batch_of(items: str, *, name: str = "batch", kind: str = "map", nesting: Any = "nested") -> Any:
    async def handler(event: Any, ctx: DurableContext) -> None:
        def branch(item: str) -> Any:
            return lambda ctx: stepped(item, ctx)

        if kind == "map":
            await ctx.map(name, list(items), stepped, item_name=lambda item, index: f"item {item}", nesting=nesting)
        else:
            await ctx.parallel(name, {f"item {item}": branch(item) for item in items}, nesting=nesting)
        await ctx.wait("pause", 60)

    return handler


CHANGES = {
    "the batch renamed": ({"items": "abc", "name": "other"}, "'batch'"),
    "another kind of batch": ({"items": "abc", "kind": "parallel"}, "sub type"),
    "a branch renamed": ({"items": "abX"}, "'item c'"),
    "branches in another order": ({"items": "acb"}, "'item b'"),
    "a branch fewer at the end": ({"items": "ab"}, "'item c'"),
    "a branch fewer at the start": ({"items": "bc"}, "'item a'"),
    "branches without a record": ({"items": "abc", "nesting": "flat"}, "parent"),
}


@pytest.mark.parametrize("kind", ["map", "parallel"])
@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_difference_in_a_batch_ends_the_execution(change: dict[str, Any], told: str, kind: str) -> None:
    execution = Execution(batch_of("abc", kind=kind))
    execution.suspends()
    if "kind" in change:
        change = {**change, "kind": "map" if kind == "parallel" else "parallel"}
    error = execution.error(batch_of(**{"kind": kind, **change}))
    assert error["ErrorType"] == MISMATCH
    assert told in error["ErrorMessage"]
    assert execution.calls == []


def test_an_operation_renamed_in_a_branch_ends_the_execution() -> None:
    async def changed(event: Any, ctx: DurableContext) -> None:
        async def item(item: str, ctx: DurableContext) -> None:
            await ctx.step(f"renamed {item}", str)

        batch = await ctx.map("batch", list("abc"), item, item_name=lambda item, index: f"item {item}")
        assert batch.failure_count == 0

    execution = Execution(batch_of("abc"))
    execution.suspends()
    assert execution.error(changed)["ErrorType"] == MISMATCH
    assert execution.calls == []


def test_branches_more_at_the_end_of_a_batch_that_is_not_done_are_begun() -> None:
    """Nothing in the history differs from it."""
    execution = Execution(batch_of("ab"))
    execution.suspends()
    execution.suspends(batch_of("abc"))
    assert ("STEP", "step c", "SUCCEED") in execution.sent


@pytest.mark.parametrize("items", ["ab", "abcd"])
def test_a_batch_that_is_done_with_another_number_of_branches_ends_the_execution(items: str) -> None:
    execution = Execution(batch_of("abc"))
    execution.suspends()
    execution.elapse()
    execution.suspends()
    error = execution.error(batch_of(items))
    assert error["ErrorType"] == MISMATCH
    assert "3" in error["ErrorMessage"]
    assert str(len(items)) in error["ErrorMessage"]


def test_ids_do_not_depend_on_how_many_branches_there_are() -> None:
    execution = Execution(batch_of("abc"))
    execution.suspends()
    batch = execution.ids["batch"]
    assert [execution.ids[f"item {item}"] for item in "abc"] == [operation_id(f"{batch}-{i}") for i in range(3)]
