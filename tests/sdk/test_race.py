"""`first` and `timeout`: who was first is recorded, and a replay tells the same whatever its timing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BatchError, DurableContext
from prefixes import RememberingBackend, to_the_end


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def after(count: int, result: str) -> Any:
    """A branch that is done after so many turns."""

    async def branch(ctx: DurableContext) -> str:
        await ctx.step(f"turns of {result}", turns, count)
        return result

    return branch


async def fails(ctx: DurableContext) -> str:
    raise LookupError("no")


async def hangs(ctx: DurableContext) -> str:
    await ctx.wait("hang", 3600)
    return "hung"


def racing(**branches: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return list(await ctx.first("race", **branches))

    return handler


def same_after_its_decision(fn: Any) -> Any:
    """The result of an execution, which every state that has the decision must come to as well."""
    backend = RememberingBackend()
    execution = Execution(fn, backend=backend)
    envelope = to_the_end(execution)
    for state in backend.states:
        if any(each.status == "SUCCEEDED" and each.sub_type == "Parallel" for each in state.values()):
            again = to_the_end(Execution(fn, backend=RememberingBackend(state)))
            assert again.get("Result") == envelope.get("Result")
            assert again["Status"] == envelope["Status"]
    assert execution.run() == envelope
    assert execution.sent == []
    return envelope.get("Result", envelope.get("Error"))


def test_the_first_to_succeed_is_told_with_its_name_and_result() -> None:
    assert same_after_its_decision(racing(slow=after(20, "slow"), fast=after(0, "fast"))) == ["fast", "fast"]


def test_a_branch_that_fails_first_is_not_the_first() -> None:
    assert same_after_its_decision(racing(bad=fails, slow=after(5, "slow"))) == ["slow", "slow"]


def test_a_result_that_is_none_is_a_result() -> None:
    async def nothing(ctx: DurableContext) -> None:
        pass

    assert same_after_its_decision(racing(nothing=nothing, slow=hangs)) == ["nothing", None]


def test_none_that_succeeds_is_a_batch_error_of_all_failures() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.first("race", a=fails, b=fails)
        except BatchError as error:
            return [repr(each) for each in error.exceptions]

    assert same_after_its_decision(handler) == ["LookupError('no')"] * 2


def test_branches_that_are_done_at_once_have_one_first_and_it_stays_so() -> None:
    result = same_after_its_decision(racing(a=after(0, "a"), b=after(0, "b"), c=after(0, "c")))
    assert result in (["a", "a"], ["b", "b"], ["c", "c"])


def test_the_first_stays_the_first_although_the_other_has_ended_meanwhile() -> None:
    """A replay has both at once: only the record can tell."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        winner = await ctx.first("race", slow=hangs, fast=after(0, "fast"))
        await ctx.wait("pause", 60)
        return list(winner)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    assert execution.operation("hang").status == "SUCCEEDED"
    assert execution.result() == ["fast", "fast"]


def test_a_race_is_a_parallel_with_a_branch_for_each_name() -> None:
    execution = Execution(racing(a=after(0, "x"), b=hangs))
    execution.result()
    race, branch = execution.operation("race"), execution.operation("a")
    assert (race.type, race.sub_type) == ("CONTEXT", "Parallel")
    assert (branch.sub_type, branch.parent_id) == ("ParallelBranch", race.id)


def limited(fn: Any, duration: Any = 30, *args: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            return await ctx.timeout("limit", duration, fn, *args)
        except TimeoutError as error:
            await ctx.wait("afterwards", 60)
            return f"timed out: {error}"

    return handler


def test_work_that_is_done_in_time_gives_its_result_and_the_timer_does_not_matter() -> None:
    execution = Execution(limited(after(3, "done")))
    assert execution.result() == "done"
    assert execution.operation("timeout").status == "STARTED"
    assert execution.result() == "done"
    execution.elapse()
    assert execution.result() == "done", "the timer has ended since"


def test_each_branch_of_a_timeout_begins_before_what_is_in_it() -> None:
    execution = Execution(limited(after(3, "done")))
    execution.result()
    starts = [name for _, name, action in execution.sent if action == "START"]
    assert starts.index("limit") < starts.index("timer") < starts.index("timeout")
    assert starts.index("limit") < starts.index("work") < starts.index("turns of done")


def test_work_gets_its_arguments_and_the_context_last() -> None:
    async def work(a: int, b: str, ctx: DurableContext) -> list[Any]:
        return [a, b, await ctx.step("step", lambda: "c")]

    assert same_after_its_decision(limited(work, timedelta(minutes=1), 1, "b")) == [1, "b", "c"]


def test_work_that_is_not_done_in_time_is_cancelled_and_a_timeout_error() -> None:
    async def work(ctx: DurableContext) -> str:
        await ctx.wait("long", 3600)
        return await ctx.step("never", str)

    execution = Execution(limited(work))
    execution.suspends()
    execution.change("timeout", status="SUCCEEDED")
    execution.suspends()
    assert ("STEP", "never", "START") not in execution.sent
    execution.elapse()
    text = execution.result()
    assert text.startswith("timed out: ")
    assert "'limit'" in text
    assert execution.result() == text
    assert "never" not in execution.ids


def test_work_that_ended_while_nothing_ran_is_done_even_if_the_timer_is_too() -> None:
    """The same answer on every replay, whichever it is."""
    execution = Execution(limited(hangs))
    execution.suspends()
    execution.elapse()
    envelope = to_the_end(execution)
    assert envelope["Result"] == "hung" or envelope["Result"].startswith("timed out")
    assert execution.result() == envelope["Result"]


def test_work_that_fails_raises_its_own_error() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.timeout("limit", 30, fails)
        except LookupError as error:
            return repr(error)

    assert same_after_its_decision(handler) == "LookupError('no')"


def test_a_timeout_error_of_the_work_itself_is_told_as_it_is() -> None:
    async def work(ctx: DurableContext) -> str:
        raise TimeoutError("of the work")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.timeout("limit", 30, work)
        except TimeoutError as error:
            return str(error)

    assert same_after_its_decision(handler) == "of the work"


def test_work_that_ends_cancelled_is_not_a_timeout() -> None:
    async def work(ctx: DurableContext) -> str:
        raise asyncio.CancelledError

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.timeout("limit", 30, work)
        except BaseException as error:
            return type(error).__name__

    assert same_after_its_decision(handler) == "CancelledError"


@pytest.mark.parametrize("duration", [0, -1, 1.5, "30", None, True, timedelta(days=367), timedelta(milliseconds=1500)])
def test_a_duration_out_of_bounds_is_refused_before_anything_is_sent(duration: Any) -> None:
    execution = Execution(limited(after(0, "done"), duration))
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "the duration of timeout()" in error["ErrorMessage"]
    assert execution.calls == []


def test_a_race_without_branches_is_refused() -> None:
    execution = Execution(racing())
    assert execution.error()["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert execution.calls == []
