"""`parallel`: branches with contexts of their own, and one result, in the order of the branches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BatchResult, Completion, DurableContext
from durable_lambda.runtime.ids import operation_id
from prefixes import same_at_every_prefix
from recording import PushingBackend

BATCH_ID = operation_id("1")


@dataclass
class Quote:
    price: int


async def train(ctx: DurableContext) -> Quote:
    return Quote(await ctx.step("ask train", lambda: 30))


async def plane(ctx: DurableContext) -> Quote:
    return Quote(await ctx.step("ask plane", lambda: 90))


async def fails(ctx: DurableContext) -> Quote:
    raise LookupError("sold out")


async def waits(ctx: DurableContext) -> Quote:
    await ctx.wait("think", 60)
    return Quote(50)


def quoting(branches: Any, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("quotes", branches, **options)
        return shown(batch)

    return handler


def repr_or_none(error: BaseException | None) -> str | None:
    return None if error is None else repr(error)


def shown(batch: BatchResult[Any]) -> list[Any]:
    """A batch as JSON, each branch with everything that is told of it."""
    return [
        [
            item.index,
            item.name,
            item.status,
            getattr(item.result, "price", item.result),
            item.error and repr(item.error),
        ]
        for item in batch
    ] + [batch.completion_reason]


def test_a_batch_is_a_context_with_a_context_for_each_branch() -> None:
    execution = Execution(quoting([train, plane]))
    execution.result()
    batch, first, ask = (execution.operation(name) for name in ("quotes", "parallel-branch-0", "ask plane"))
    assert (batch.type, batch.sub_type, batch.parent_id, batch.id) == ("CONTEXT", "Parallel", None, BATCH_ID)
    assert (first.type, first.sub_type, first.parent_id) == ("CONTEXT", "ParallelBranch", BATCH_ID)
    assert first.id == operation_id(f"{BATCH_ID}-0")
    second = operation_id(f"{BATCH_ID}-1")
    assert (execution.ids["parallel-branch-1"], ask.parent_id, ask.id) == (second, second, operation_id(f"{second}-1"))


def test_flat_branches_are_no_operations_but_number_theirs_alike() -> None:
    nested, flat = Execution(quoting([train, plane])), Execution(quoting([train, plane], nesting="flat"))
    assert nested.result() == flat.result()
    assert set(flat.ids) == {"quotes", "ask train", "ask plane"}
    assert flat.operation("ask plane").parent_id == BATCH_ID
    assert flat.ids["ask plane"] == nested.ids["ask plane"]


def test_branches_of_a_dict_are_named_by_their_keys() -> None:
    execution = Execution(quoting({"train": train, "plane": plane}))
    assert execution.result() == [
        [0, "train", "SUCCEEDED", 30, None],
        [1, "plane", "SUCCEEDED", 90, None],
        "ALL_COMPLETED",
    ]
    assert set(execution.ids) == {"quotes", "train", "plane", "ask train", "ask plane"}


def test_an_unnamed_batch_has_no_name_on_the_wire() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return shown(await ctx.parallel(None, [train]))

    execution = Execution(handler)
    assert execution.result() == execution.result()
    assert execution.ids[None] == BATCH_ID


def test_a_batch_takes_one_number_however_many_branches_it_has() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.parallel("quotes", [train, plane, waits][: event or 3])
        await ctx.step("after", str)

    execution = Execution(handler, 2)
    execution.result()
    assert execution.ids["after"] == operation_id("2")


def test_results_are_in_the_order_of_the_branches_whoever_is_done_first() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        second_done = asyncio.Event()

        async def first(ctx: DurableContext) -> str:
            await ctx.step("first", second_done.wait)
            return "first"

        async def second(ctx: DurableContext) -> str:
            await ctx.step("second", asyncio.sleep, 0)
            second_done.set()
            return "second"

        return (await ctx.parallel("both", [first, second])).results()

    assert same_at_every_prefix(handler).result() == ["first", "second"]


def test_results_have_the_types_of_their_branches_also_on_replay() -> None:
    async def handler(event: Any, ctx: DurableContext) -> bool:
        return (await ctx.parallel("quotes", [train, plane])).results() == [Quote(30), Quote(90)]

    assert same_at_every_prefix(handler).result() is True


def test_a_result_may_be_none() -> None:
    async def nothing(ctx: DurableContext) -> None:
        pass

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("both", [nothing, nothing])).results()

    assert same_at_every_prefix(handler).result() == [None, None]


def test_a_failure_is_recorded_as_one_of_its_branch_and_the_batch_succeeds() -> None:
    execution = Execution(quoting({"train": train, "bus": fails}))
    last = execution.result()
    assert last[1:] == [[1, "bus", "FAILED", None, "LookupError('sold out')"], "FAILURE_TOLERANCE_EXCEEDED"]
    branch = execution.operation("bus")
    assert branch.status == "FAILED"
    assert branch.context_details is not None
    assert branch.context_details.error is not None
    assert branch.context_details.error.error_type == "LookupError"
    assert execution.operation("quotes").status == "SUCCEEDED"


@pytest.mark.parametrize("nesting", ["nested", "flat"])
def test_a_failure_is_the_same_exception_on_replay(nesting: Any) -> None:
    fn = quoting([fails, train, waits], completion=Completion.all_completed(), nesting=nesting)
    assert same_at_every_prefix(fn).result() == [
        [0, "parallel-branch-0", "FAILED", None, "LookupError('sold out')"],
        [1, "parallel-branch-1", "SUCCEEDED", 30, None],
        [2, "parallel-branch-2", "SUCCEEDED", 50, None],
        "ALL_COMPLETED",
    ]


def test_a_suspended_branch_is_not_recorded_as_anything() -> None:
    execution = Execution(quoting({"train": train, "slow": waits}))
    execution.suspends()
    assert ("CONTEXT", "train", "SUCCEED") in execution.sent
    assert [action for _, name, action in execution.sent if name in ("slow", "quotes")] == ["START", "START"]


def test_a_branch_that_was_suspended_goes_on_alone() -> None:
    runs: list[str] = []

    async def counted(ctx: DurableContext) -> Quote:
        runs.append("branch")
        return await train(ctx)

    execution = Execution(quoting({"train": counted, "slow": waits}))
    execution.suspends()
    execution.elapse()
    assert execution.result()[:2] == [[0, "train", "SUCCEEDED", 30, None], [1, "slow", "SUCCEEDED", 50, None]]
    assert runs == ["branch"]
    assert execution.sent == [("CONTEXT", "slow", "SUCCEED"), ("CONTEXT", "quotes", "SUCCEED")]


def test_a_branch_resumes_in_the_same_invocation_while_another_still_works() -> None:
    """The news of its answer come while the other's body runs; the body ends when the branch has gone on."""
    backend = PushingBackend()
    gone_on = asyncio.Event()

    async def asks(ctx: DurableContext) -> Any:
        answer = await ctx.callback_result(await ctx.create_callback("approval"))
        gone_on.set()
        return answer

    async def works(ctx: DurableContext) -> str:
        async def body() -> str:
            execution.answer("approval", "yes")
            backend.push(execution.operation("approval"))
            await gone_on.wait()
            return "worked"

        await ctx.step("until it is created", asyncio.sleep, 0)
        return await ctx.step("work", body)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("both", [asks, works])).results()

    execution = Execution(handler, backend=backend)
    assert execution.result() == ["yes", "worked"]


def test_two_branches_that_wait_for_different_answers_go_on_one_by_one() -> None:
    def asks(name: str) -> Any:
        async def branch(ctx: DurableContext) -> Any:
            return await ctx.callback_result(await ctx.create_callback(name))

        return branch

    execution = Execution(quoting({"a": asks("ask a"), "b": asks("ask b")}))
    execution.suspends()
    execution.answer("ask b", 2)
    execution.suspends()
    assert execution.sent == [("CONTEXT", "b", "SUCCEED")]
    execution.answer("ask a", 1)
    assert execution.result() == [[0, "a", "SUCCEEDED", 1, None], [1, "b", "SUCCEEDED", 2, None], "ALL_COMPLETED"]


@pytest.mark.parametrize("branches", [[], {}, ()])
def test_no_branches_are_a_batch_that_is_done(branches: Any) -> None:
    execution = same_at_every_prefix(quoting(branches))
    assert execution.result() == ["ALL_COMPLETED"]
    assert [operation.status for operation in execution.backend.operations.values()] == ["SUCCEEDED"]


def test_batches_may_be_in_branches() -> None:
    async def inner(ctx: DurableContext) -> list[Any]:
        return [quote.price for quote in (await ctx.parallel("inner", [train, waits])).results()]

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("outer", [inner, inner])).results()

    async def one(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("outer", [inner])).results()

    assert same_at_every_prefix(one).result() == [[30, 50]]
    assert same_at_every_prefix(handler).result() == [[30, 50], [30, 50]]


def test_branches_may_have_tasks_with_several_operations_each() -> None:
    async def branch(ctx: DurableContext) -> list[str]:
        async def pair(name: str) -> str:
            await ctx.step(f"{name} 1", str)
            await ctx.wait(f"{name} 2", 5)
            return await ctx.step(f"{name} 3", lambda: name)

        return list(await asyncio.gather(pair("x"), pair("y")))

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("outer", [branch, branch])).results()

    assert same_at_every_prefix(handler).result() == [["x", "y"], ["x", "y"]]


def test_batches_may_run_side_by_side() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        one, other = await asyncio.gather(ctx.parallel("one", [waits, train]), ctx.parallel("other", [plane, waits]))
        return [[quote.price for quote in each.results()] for each in (one, other)]

    assert same_at_every_prefix(handler).result() == [[50, 30], [90, 50]]
