"""Causes, contexts and groups: what an exception hangs on comes back with it, within bounds."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext, OperationError, StepError
from durable_lambda.failures import describe
from durable_lambda.protocol.limits import MAX_ERROR_OBJECT
from durable_lambda.rebuilding import ExceptionClasses
from raised import caught, caught_twice, raising, story


class DeclinedError(Exception):
    def __init__(self, account: str, *, limit: int) -> None:
        super().__init__(account)
        self.limit = limit


def pay() -> None:
    try:
        raise DeclinedError("alice", limit=5)
    except DeclinedError as error:
        raise ValueError("cannot pay") from error


def test_a_cause_comes_back_with_its_type_and_attributes() -> None:
    error = caught(pay)
    assert type(error) is ValueError
    assert type(error.__cause__) is DeclinedError
    assert error.__cause__.limit == 5
    assert error.__suppress_context__
    assert error.__context__ is None


def test_what_was_being_handled_comes_back() -> None:
    def body() -> None:
        try:
            raise KeyError("k")
        except KeyError:
            int("no number")

    error = caught(body)
    assert type(error) is ValueError
    assert type(error.__context__) is KeyError
    assert error.__cause__ is None


def test_what_was_hidden_on_purpose_stays_hidden() -> None:
    def body() -> None:
        try:
            raise KeyError("secret")
        except KeyError:
            raise ValueError("no") from None

    first, replayed, execution = caught_twice(body)
    assert first.__context__ is None
    assert replayed.__context__ is None
    assert "secret" not in repr(execution.backend.updates[-1].error)


def test_a_whole_chain_comes_back() -> None:
    error: BaseException | None = caught(raising(chain(20)))
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__
    assert texts == [str(number) for number in range(20)]


def chain(length: int) -> Exception:
    error: Exception | None = None
    for number in reversed(range(length)):
        outer = ValueError(str(number))
        outer.__cause__ = error
        error = outer
    assert error is not None
    return error


@pytest.mark.parametrize("length", [500, 5_000])
def test_a_chain_without_end_is_cut_and_fits(length: int) -> None:
    first, replayed, execution = caught_twice(raising(chain(length)))
    assert str(first) == str(replayed) == "0"
    record = execution.backend.updates[-1].error
    assert record is not None
    assert len((record.error_data or "").encode()) < MAX_ERROR_OBJECT


def test_a_ring_comes_back_as_a_ring() -> None:
    one, two = ValueError("one"), KeyError("two")
    one.__cause__, two.__cause__ = two, one
    error = caught(raising(one))
    assert type(error.__cause__) is KeyError
    assert error.__cause__.__cause__ is error


def test_an_exception_that_carries_itself_does_not_hide_the_error() -> None:
    error = ValueError("no")
    error.args = ("no", error)
    error.me = error  # type: ignore[attr-defined]  # as users do
    assert type(caught(raising(error))) is ValueError


def test_one_exception_in_many_places_is_recorded_once() -> None:
    """`raise Wrapped(error) from error`, again and again: doubled each time it would be too large to record."""
    error: Exception = ValueError("innermost")
    for number in range(30):
        outer = RuntimeError(str(number), error)
        outer.original = error  # type: ignore[attr-defined]  # as users do
        outer.__cause__ = error
        error = outer
    first, replayed, execution = caught_twice(raising(error))
    for each in (first, replayed):
        assert each.__cause__ is each.args[1] is each.original  # type: ignore[attr-defined]
    record = execution.backend.updates[-1].error
    assert record is not None
    assert len(record.error_data or "") < 30_000


def test_a_cause_of_a_local_class_is_told_as_data() -> None:
    class LocalError(Exception):
        pass

    error = ValueError("no")
    error.__cause__ = LocalError("why")
    cause = caught(raising(error)).__cause__
    assert type(cause) is OperationError
    assert cause.error_type is not None
    assert cause.error_type.endswith("LocalError")
    assert cause.error_message == "why"


def test_a_cause_that_raises_names_comes_back() -> None:
    class LocalError(Exception):
        pass

    error = ValueError("no")
    error.__cause__ = LocalError("why")
    assert type(caught(raising(error), raises=(LocalError,)).__cause__) is LocalError


def test_a_step_error_has_the_cause_of_what_it_stands_for() -> None:
    class LocalError(Exception):
        pass

    error = LocalError("no")
    error.__cause__ = KeyError("why")
    stands_for = caught(raising(error))
    assert type(stands_for) is StepError
    assert type(stands_for.__cause__) is KeyError


def test_a_huge_cause_is_left_out_and_the_rest_is_kept() -> None:
    error = DeclinedError("alice", limit=5)
    error.__cause__ = ValueError("x" * 60_000, "y" * 300_000)
    kept = caught(raising(error))
    assert (type(kept), kept.limit, kept.__cause__) == (DeclinedError, 5, None)


def test_the_first_run_keeps_the_tracebacks_of_causes() -> None:
    first, _, _ = caught_twice(pay)
    shown = "".join(traceback.format_exception(first))
    assert 'raise DeclinedError("alice", limit=5)' in shown
    assert "direct cause" in shown


async def failing(ctx: DurableContext) -> None:
    try:
        await ctx.step("inner", raising(DeclinedError("alice", limit=5)), retry=0)
    except DeclinedError as error:
        raise ValueError("cannot pay") from error


async def in_child(ctx: DurableContext) -> None:
    await ctx.run_in_child_context("c", failing)


async def in_block(ctx: DurableContext) -> None:
    await ctx.with_retry("c", failing, retry=0)


async def in_branch(ctx: DurableContext) -> None:
    raise (await ctx.parallel("p", [failing], completion=Completion.all_completed())).errors()[0]


async def in_flat_branch(ctx: DurableContext) -> None:
    batch = await ctx.parallel("p", [failing], completion=Completion.all_completed(), nesting="flat")
    raise batch.errors()[0]


async def in_first(ctx: DurableContext) -> None:
    try:
        await ctx.first("f", a=failing)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group.exceptions[0].__cause__


async def in_timeout(ctx: DurableContext) -> None:
    await ctx.timeout("t", 60, failing)


async def in_condition(ctx: DurableContext) -> None:
    def look(state: int) -> int:
        pay()
        return state

    await ctx.wait_for_condition("w", look, initial_state=1, until=lambda _: True)


@pytest.mark.parametrize("code", [in_child, in_block, in_branch, in_flat_branch, in_first, in_timeout, in_condition])
def test_a_cause_comes_back_from_every_operation(code: Any) -> None:
    seen: list[BaseException] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await code(ctx)
        except ValueError as error:
            seen.append(error)

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert story(first) == story(replayed)
    assert type(first.__cause__) is DeclinedError
    assert first.__cause__.limit == 5


# Groups


def test_groups_in_groups_come_back() -> None:
    inner = ExceptionGroup("inner", [DeclinedError("alice", limit=5), KeyError("k")])
    error = caught(raising(ExceptionGroup("outer", [ValueError("v"), inner])))
    assert [type(part) for part in error.exceptions] == [ValueError, ExceptionGroup]
    assert [type(part) for part in error.exceptions[1].exceptions] == [DeclinedError, KeyError]
    assert error.exceptions[1].exceptions[0].limit == 5


def test_a_group_of_what_is_no_exception_comes_back() -> None:
    record = describe(BaseExceptionGroup("several", [SystemExit(3), ValueError("v")]))
    error = ExceptionClasses().rebuild(record, AssertionError)
    assert isinstance(error, BaseExceptionGroup)
    left, right = error.exceptions
    assert isinstance(left, SystemExit)
    assert (left.code, type(right)) == (3, ValueError)


def test_a_very_large_group_keeps_its_first_parts_and_says_how_many_are_left_out() -> None:
    parts = [ValueError(f"{number}: " + "x" * 5_000) for number in range(2_000)]
    first, replayed, execution = caught_twice(raising(ExceptionGroup("many", parts)))
    for group in (first, replayed):
        assert isinstance(group, ExceptionGroup)
        assert len(group.exceptions) == 100
        assert {type(part) for part in group.exceptions} == {ValueError}
        assert group.__notes__ == ["1900 more exceptions of this group are not recorded: there are too many"]
    record = execution.backend.updates[-1].error
    assert record is not None
    assert len((record.error_data or "").encode()) < MAX_ERROR_OBJECT


def test_a_deeply_nested_group_does_not_hide_the_error() -> None:
    group: Exception = ValueError("innermost")
    for _ in range(300):
        group = ExceptionGroup("g", [group])
    assert isinstance(caught_twice(raising(group))[1], Exception)


def failures_of_a_task_group(names: str, **options: Any) -> tuple[list[Any], Execution]:
    """What `except*` gets of a TaskGroup in which several steps fail at once, on the first run and on replay."""
    seen: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        handled: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    error = ValueError(name) if name.islower() else DeclinedError(name, limit=5)
                    group.create_task(ctx.step(name, raising(error), retry=0, **options))
        except* DeclinedError as declined:
            handled += [f"{each} {each.limit}" for each in declined.exceptions]  # type: ignore[attr-defined]
        except* ValueError as wrong:
            handled += [str(each) for each in wrong.exceptions]
        seen.append(handled)

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert execution.sent == []
    return seen, execution


def test_several_failed_steps_of_a_task_group_are_caught_the_same_on_replay() -> None:
    (first, replayed), _ = failures_of_a_task_group("aBcD", inline=True)
    assert first == replayed
    assert first == ["B 5", "D 5", "a", "c"]


def test_steps_on_threads_that_fail_in_a_task_group_are_caught_the_same_on_replay() -> None:
    for _ in range(5):
        (first, replayed), _ = failures_of_a_task_group("aBcD")
        assert sorted(first) == sorted(replayed)


def test_a_group_of_a_task_group_in_a_child_comes_back_as_a_group() -> None:
    seen: list[BaseException] = []

    async def child(ctx: DurableContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step("a", raising(DeclinedError("a", limit=5)), retry=0, inline=True))
            group.create_task(ctx.step("b", raising(KeyError("b")), retry=0, inline=True))

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.run_in_child_context("c", child)
        except ExceptionGroup as group:
            seen.append(group)

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert story(first) == story(replayed)
    assert isinstance(replayed, ExceptionGroup)
    assert [type(part) for part in replayed.exceptions] == [DeclinedError, KeyError]


def test_a_group_that_leaves_the_handler_fails_the_execution_with_its_parts() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step("a", raising(ValueError("a")), retry=0, inline=True))
            group.create_task(ctx.step("b", raising(KeyError("b")), retry=0, inline=True))

    execution = Execution(handler)
    first, replayed = execution.error(), execution.error()
    assert first["ErrorType"] == replayed["ErrorType"] == "ExceptionGroup"
    assert "KeyError" in replayed["ErrorData"]
