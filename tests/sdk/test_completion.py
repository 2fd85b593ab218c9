"""`Completion`: when a batch is decided, for which reason, and whether that was a success."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import BatchError, Completion, DurableContext, ValidationError
from durable_lambda.completion import BatchProgress
from prefixes import same_at_every_prefix

ALL = Completion.all_completed()
FAIL_FAST = Completion.all_successful()
FIRST = Completion.first_successful()


def when(verdict: Any) -> Completion:
    return Completion.when(lambda progress: verdict)


DECISIONS = [
    # completion, (total, succeeded, failed), reason
    (FAIL_FAST, (3, 2, 0), None),
    (FAIL_FAST, (3, 3, 0), "ALL_COMPLETED"),
    (FAIL_FAST, (3, 0, 1), "FAILURE_TOLERANCE_EXCEEDED"),
    (FAIL_FAST, (3, 2, 1), "FAILURE_TOLERANCE_EXCEEDED"),  # before all completed
    (FAIL_FAST, (0, 0, 0), "ALL_COMPLETED"),
    (ALL, (3, 0, 2), None),
    (ALL, (3, 0, 3), "ALL_COMPLETED"),
    (ALL, (3, 1, 2), "ALL_COMPLETED"),
    (FIRST, (3, 0, 2), None),
    (FIRST, (3, 1, 1), "MIN_SUCCESSFUL_REACHED"),
    (FIRST, (3, 0, 3), "ALL_COMPLETED"),
    (FIRST, (1, 1, 0), "ALL_COMPLETED"),  # before enough succeeded
    (Completion.at_least(2), (4, 1, 2), None),
    (Completion.at_least(2), (4, 2, 1), "MIN_SUCCESSFUL_REACHED"),
    (Completion.at_least(2), (4, 2, 2), "ALL_COMPLETED"),
    (Completion.tolerate(failures=1), (3, 0, 1), None),
    (Completion.tolerate(failures=1), (3, 0, 2), "FAILURE_TOLERANCE_EXCEEDED"),
    (Completion.tolerate(failures=1), (3, 2, 1), "ALL_COMPLETED"),
    (Completion.tolerate(failures=3), (3, 0, 3), "ALL_COMPLETED"),
    (Completion.tolerate(percentage=50), (4, 0, 2), None),  # exceeded is strictly more
    (Completion.tolerate(percentage=50), (4, 0, 3), "FAILURE_TOLERANCE_EXCEEDED"),
    (Completion.tolerate(percentage=0), (4, 0, 1), "FAILURE_TOLERANCE_EXCEEDED"),
    (Completion.tolerate(percentage=100), (4, 0, 4), "ALL_COMPLETED"),
    (Completion.tolerate(percentage=33.3), (3, 0, 1), "FAILURE_TOLERANCE_EXCEEDED"),
    (Completion.tolerate(percentage=50), (0, 0, 0), "ALL_COMPLETED"),
    (Completion.tolerate(failures=5, percentage=25), (8, 0, 3), "FAILURE_TOLERANCE_EXCEEDED"),
    (Completion.tolerate(failures=1, percentage=90), (8, 0, 2), "FAILURE_TOLERANCE_EXCEEDED"),
    (when(None), (3, 0, 2), None),
    (when(False), (3, 0, 2), None),
    (when(True), (3, 0, 0), "CUSTOM_COMPLETION_SUCCEEDED"),
    (when("SUCCEEDED"), (3, 1, 0), "CUSTOM_COMPLETION_SUCCEEDED"),
    (when("FAILED"), (3, 1, 0), "CUSTOM_COMPLETION_FAILED"),
    (when(True), (3, 3, 0), "CUSTOM_COMPLETION_SUCCEEDED"),  # before all completed
    (when(None), (3, 0, 3), "ALL_COMPLETED"),
]


@pytest.mark.parametrize(("completion", "counts", "reason"), DECISIONS)
def test_the_counts_decide_with_this_reason(
    completion: Completion, counts: tuple[int, int, int], reason: str | None
) -> None:
    assert completion.decide(BatchProgress(*counts)) == reason


MET = [
    (FAIL_FAST, (3, 3, 0), True),
    (FAIL_FAST, (3, 0, 1), False),
    (FAIL_FAST, (0, 0, 0), True),
    (ALL, (3, 3, 0), True),
    (ALL, (3, 2, 1), False),
    (FIRST, (3, 1, 2), True),
    (FIRST, (3, 0, 3), False),
    (Completion.at_least(2), (3, 2, 0), True),
    (Completion.at_least(2), (3, 1, 2), False),
    (Completion.tolerate(failures=1), (3, 2, 1), True),
    (Completion.tolerate(failures=1), (3, 0, 2), False),
    (Completion.tolerate(percentage=50), (4, 2, 2), True),
    (Completion.tolerate(percentage=50), (4, 1, 3), False),
    (when(True), (3, 0, 1), True),
    (when("FAILED"), (3, 3, 0), False),
    (when(None), (3, 3, 0), True),
    (when(None), (3, 2, 1), False),
]


@pytest.mark.parametrize(("completion", "counts", "is_met"), MET)
def test_a_batch_is_met_if_it_was_decided_as_its_completion_asks(
    completion: Completion, counts: tuple[int, int, int], is_met: bool
) -> None:
    progress = BatchProgress(*counts)
    reason = completion.decide(progress)
    assert reason is not None
    assert completion.is_met(reason, progress) is is_met


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "2", None])
def test_at_least_takes_a_number_from_1(count: Any) -> None:
    with pytest.raises(ValidationError, match="from 1"):
        Completion.at_least(count)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"failures": -1},
        {"failures": 1.5},
        {"failures": True},
        {"failures": "1"},
        {"percentage": -0.1},
        {"percentage": 100.1},
        {"percentage": float("nan")},
        {"percentage": True},
        {"percentage": "5"},
    ],
)
def test_tolerate_takes_numbers_within_their_bounds(options: Any) -> None:
    with pytest.raises(ValidationError):
        Completion.tolerate(**options)


@pytest.mark.parametrize("predicate", [None, True, "SUCCEEDED"])
def test_when_takes_a_function(predicate: Any) -> None:
    with pytest.raises(ValidationError, match="function of the progress"):
        Completion.when(predicate)


LETTERS = {"SUCCEEDED": "S", "FAILED": "F", "STARTED": "-"}


async def succeeds(ctx: DurableContext) -> str:
    return await ctx.step(None, lambda: "ok")


async def fails(ctx: DurableContext) -> str:
    raise LookupError("no")


def deciding(branches: Any, completion: Completion, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("batch", branches, completion=completion, **options)
        return [batch.completion_reason, batch.status, batch.is_met, "".join(LETTERS[item.status] for item in batch)]

    return handler


ENDS = [
    # branches, completion, what became of them, one branch at a time
    ([succeeds, fails, succeeds], FAIL_FAST, ["FAILURE_TOLERANCE_EXCEEDED", "FAILED", False, "SF-"]),
    ([succeeds, fails, succeeds], ALL, ["ALL_COMPLETED", "FAILED", False, "SFS"]),
    ([fails, succeeds, succeeds], FIRST, ["MIN_SUCCESSFUL_REACHED", "FAILED", True, "FS-"]),
    ([fails, fails], FIRST, ["ALL_COMPLETED", "FAILED", False, "FF"]),
    ([succeeds, fails], Completion.tolerate(failures=1), ["ALL_COMPLETED", "FAILED", True, "SF"]),
    ([fails, fails, fails], Completion.tolerate(percentage=50), ["FAILURE_TOLERANCE_EXCEEDED", "FAILED", False, "FF-"]),
    ([succeeds, succeeds], when(None), ["ALL_COMPLETED", "SUCCEEDED", True, "SS"]),
    ([succeeds, succeeds], when(True), ["CUSTOM_COMPLETION_SUCCEEDED", "SUCCEEDED", True, "--"]),
    ([succeeds, succeeds], when("FAILED"), ["CUSTOM_COMPLETION_FAILED", "FAILED", False, "--"]),
]


@pytest.mark.parametrize("nesting", ["nested", "flat"])
@pytest.mark.parametrize(("branches", "completion", "told"), ENDS)
def test_a_batch_ends_as_its_completion_says_and_the_same_on_replay(
    branches: Any, completion: Completion, told: list[Any], nesting: Any
) -> None:
    fn = deciding(branches, completion, max_concurrency=1, nesting=nesting)
    assert same_at_every_prefix(fn).result() == told


def test_a_failed_branch_is_no_failure_where_a_predicate_says_that_the_batch_succeeded() -> None:
    completion = Completion.when(lambda progress: "SUCCEEDED" if progress.failure_count else None)
    fn = deciding([fails, succeeds], completion, max_concurrency=1)
    assert same_at_every_prefix(fn).result() == ["CUSTOM_COMPLETION_SUCCEEDED", "SUCCEEDED", True, "F-"]


def test_a_predicate_is_asked_once_before_the_first_branch_begins() -> None:
    execution = Execution(deciding([succeeds, succeeds], when(True)))
    assert execution.result()[3] == "--"
    assert [name for _, name, _ in execution.sent] == ["batch", "batch"]


def test_a_predicate_sees_each_count_once_and_in_order() -> None:
    seen: list[tuple[int, int, int]] = []

    def predicate(progress: BatchProgress) -> bool:
        seen.append((progress.total_count, progress.success_count, progress.failure_count))
        assert progress.completed_count == progress.success_count + progress.failure_count
        return False

    Execution(deciding([succeeds, fails, succeeds], Completion.when(predicate), max_concurrency=1)).result()
    assert seen == sorted(seen)
    assert seen[0] == (3, 0, 0)
    assert seen[-1] == (3, 2, 1)


def test_a_predicate_that_raises_fails_the_batch_with_its_error_and_the_same_on_replay() -> None:
    def predicate(progress: BatchProgress) -> bool:
        if progress.completed_count:
            raise ArithmeticError("cannot count")
        return False

    async def slow(ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)
        await ctx.step("after the pause", str)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.parallel("batch", {"slow": slow, "fast": succeeds}, completion=Completion.when(predicate))
        except ArithmeticError as error:
            await ctx.wait("later", 60)
            return str(error)

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("batch").status == "FAILED"
    execution.elapse()
    assert execution.result() == "cannot count"
    assert execution.result() == "cannot count"
    assert "after the pause" not in execution.ids


@pytest.mark.parametrize(("branches", "completion"), [([], FIRST), ([succeeds, succeeds], Completion.at_least(3))])
def test_a_completion_that_can_never_be_met_is_refused_before_anything_is_sent(
    branches: Any, completion: Completion
) -> None:
    execution = Execution(deciding(branches, completion))
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert f"successful branches, and there are {len(branches)}" in error["ErrorMessage"]
    assert execution.calls == []


def test_results_of_a_batch_that_did_not_succeed_are_an_error_that_is_a_group() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("batch", [fails, succeeds, fails], completion=ALL)
        try:
            batch.results()
        except BatchError as error:
            return [error.code, error.operation_name, [repr(each) for each in error.exceptions], str(error)]

    code, name, causes, text = same_at_every_prefix(handler).result()
    assert (code, name, causes) == ("PARALLEL_FAILED", "batch", ["LookupError('no')"] * 2)
    assert "'batch'" in text
    assert "2 of 3 branches failed" in text


def test_a_batch_error_that_ends_the_execution_is_recorded_with_its_causes() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.parallel("batch", [fails])).results()

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.BatchError"
    assert "LookupError" in error["ErrorData"]


def test_a_batch_error_can_be_caught_with_except_star() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        caught = []
        try:
            (await ctx.map("batch", [1], lambda item, ctx: fails(ctx))).results()
        except* LookupError as group:
            caught = [repr(group.exceptions[0]), group.code]  # type: ignore[attr-defined]  # a `BatchError`
        return caught

    assert Execution(handler).result() == ["LookupError('no')", "MAP_FAILED"]


def test_a_batch_that_failed_by_its_predicate_alone_has_results_that_raise() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            (await ctx.parallel("batch", [succeeds], completion=when("FAILED"))).results()
        except BatchError as error:
            return str(error.exceptions[0])

    assert "CUSTOM_COMPLETION_FAILED" in same_at_every_prefix(handler).result()


def test_a_batch_result_tells_counts_and_parts() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.parallel("b", {"x": succeeds, "y": fails, "z": succeeds}, completion=ALL)
        assert [item.name for item in batch.items] == [item.name for item in batch] == ["x", "y", "z"]
        return [[item.name for item in part] for part in (batch.succeeded, batch.failed, batch.started)] + [
            batch.success_count,
            batch.failure_count,
            batch.total_count,
            [repr(error) for error in batch.errors()],
        ]

    assert same_at_every_prefix(handler).result() == [["x", "z"], ["y"], [], 2, 1, 3, ["LookupError('no')"]]
