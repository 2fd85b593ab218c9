"""Hooks: what they are told of an invocation, its operations, and the functions that it was given."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from drive import Execution
from durable_lambda import (
    DurableContext,
    Hooks,
    InvocationEnd,
    InvocationStart,
    OperationChange,
    OperationEnd,
    OperationStart,
    Poll,
    Suspended,
    UserFunctionEnd,
    UserFunctionStart,
    durable_execution,
)
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.protocol.operations import decode_operation
from durable_lambda.runtime import observer
from hooked import Recorder, fields
from recording import ARN, RecordingBackend, invocation

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def one_step(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("work", str, "done")


def test_every_start_has_its_end_and_what_is_inside_comes_between(recorder: Recorder) -> None:
    Execution(one_step, hooks=recorder).result()
    assert recorder.lines() == [
        "InvocationStart",
        "OperationStart work",
        "UserFunctionStart work",
        "UserFunctionEnd work SUCCEEDED",
        "OperationEnd work SUCCEEDED",
        "InvocationEnd SUCCEEDED",
    ]


def test_a_hook_overrides_what_it_needs() -> None:
    class Counter(Hooks):
        ended = 0

        def on_operation_end(self, info: OperationEnd) -> None:
            self.ended += 1

    counter = Counter()
    assert Execution(one_step, hooks=counter).result() == "done"
    assert counter.ended == 1


# Invocations


def test_an_invocation_is_told_with_what_is_known_of_it(recorder: Recorder) -> None:
    lambda_context: Any = SimpleNamespace(
        aws_request_id="r-1", invoked_function_arn=ARN, get_remaining_time_in_millis=lambda: 1500
    )
    handler = durable_execution(name="orders", backend=RecordingBackend(), hooks=recorder)(one_step)
    handler(invocation(), lambda_context)
    start, end = recorder.only(InvocationStart), recorder.only(InvocationEnd)
    assert start == InvocationStart(execution_arn=ARN, function="orders", request_id="r-1", is_first=True)
    assert fields(end, "execution_arn", "function", "request_id", "is_first") == (ARN, "orders", "r-1", True)
    assert end.error is None
    assert end.duration > 0


def test_only_an_invocation_without_a_history_is_the_first(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    execution = Execution(handler, hooks=recorder)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert [start.is_first for start in recorder.of(InvocationStart)] == [True, False]


def test_a_suspension_is_told_with_its_reason(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    Execution(handler, hooks=recorder).suspends()
    end = recorder.only(InvocationEnd)
    assert end.outcome == "SUSPENDED"
    assert isinstance(end.error, Suspended)
    assert end.error.operation_name == "pause"


def test_a_failure_is_told_with_the_exception_itself(recorder: Recorder) -> None:
    error = ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        raise error

    Execution(handler, hooks=recorder).error()
    assert fields(recorder.only(InvocationEnd), "outcome", "error") == ("FAILED", error)


def test_a_result_that_cannot_be_stored_is_a_failure(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        return "x" * 7_000_000

    Execution(handler, hooks=recorder).error()
    end = recorder.only(InvocationEnd)
    assert end.outcome == "FAILED"
    assert "execution payload" in str(end.error)


def test_a_service_that_cannot_be_reached_breaks_the_invocation(recorder: Recorder) -> None:
    class Away(RecordingBackend):
        async def checkpoint(self, *arguments: Any, **options: Any) -> Any:
            raise OSError("no route")

    execution = Execution(one_step, backend=Away(), hooks=recorder)
    with pytest.raises(Exception, match="no route"):
        execution.run()
    end = recorder.only(InvocationEnd)
    assert end.outcome == "BROKEN"
    assert "no route" in str(end.error)
    assert recorder.only(OperationEnd).outcome == "SUSPENDED"  # another invocation goes on with it


def test_a_keyboard_interrupt_of_the_function_breaks_the_invocation(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Execution(handler, hooks=recorder).run()
    end = recorder.only(InvocationEnd)
    assert end.outcome == "BROKEN"
    assert isinstance(end.error, KeyboardInterrupt)


# Operations


def test_an_operation_is_told_with_what_is_known_of_it(recorder: Recorder) -> None:
    Execution(one_step, hooks=recorder).result()
    assert recorder.only(OperationStart) == OperationStart(
        execution_arn=ARN,
        operation_id=FIRST_ID,
        name="work",
        type="STEP",
        sub_type="Step",
        kind="step",
        parent_id=None,
        attempt=1,
        is_replayed=False,
    )
    end = recorder.only(OperationEnd)
    assert fields(end, "operation_id", "attempt", "outcome", "error") == (FIRST_ID, 1, "SUCCEEDED", None)
    assert end.duration > 0


def test_an_operation_that_has_completed_is_told_as_replayed_and_runs_nothing(recorder: Recorder) -> None:
    execution = Execution(one_step)
    execution.result()
    execution.hooks = recorder
    execution.result()
    assert recorder.lines() == [
        "InvocationStart",
        "OperationStart work",
        "OperationEnd work SUCCEEDED",
        "InvocationEnd SUCCEEDED",
    ]
    assert fields(recorder.only(OperationStart), "is_replayed", "attempt") == (True, 1)
    assert fields(recorder.only(OperationEnd), "is_replayed", "attempt", "duration") == (True, 1, 0.0)


def test_a_failure_is_told_as_the_function_gets_it_on_the_first_run_and_on_replay(recorder: Recorder) -> None:
    def fail() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("fail", fail, retry=0)

    execution = Execution(handler, hooks=recorder)
    execution.error()
    execution.error()
    ends = recorder.of(OperationEnd)
    assert [(end.outcome, type(end.error), end.is_replayed) for end in ends] == [
        ("FAILED", ValueError, False),
        ("FAILED", ValueError, True),
    ]


def test_operations_of_a_child_context_name_their_parent(recorder: Recorder) -> None:
    async def child(ctx: DurableContext) -> None:
        await ctx.step("inner", str)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("group", child)

    Execution(handler, hooks=recorder).result()
    group = recorder.only(OperationStart, "group")
    assert recorder.only(OperationStart, "inner").parent_id == group.operation_id
    assert recorder.only(UserFunctionStart, "inner").parent_id == group.operation_id
    assert [line for line in recorder.lines() if line.startswith("Operation")] == [
        "OperationStart group",
        "OperationStart inner",
        "OperationEnd inner SUCCEEDED",
        "OperationEnd group SUCCEEDED",
    ]


def test_each_attempt_has_its_number(recorder: Recorder) -> None:
    failures = [ConnectionError("no"), ConnectionError("no")]

    def flaky() -> None:
        if failures:
            raise failures.pop()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("flaky", flaky)

    execution = Execution(handler, hooks=recorder)
    for _ in range(2):
        execution.suspends()
        execution.elapse()
    execution.result()
    assert [fields(end, "attempt", "outcome") for end in recorder.of(UserFunctionEnd)] == [
        (1, "FAILED"),
        (2, "FAILED"),
        (3, "SUCCEEDED"),
    ]
    assert [fields(end, "attempt", "outcome") for end in recorder.of(OperationEnd)] == [
        (1, "SUSPENDED"),
        (2, "SUSPENDED"),
        (3, "SUCCEEDED"),
    ]


def test_the_checks_of_a_condition_are_attempts(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> int:
        return await ctx.wait_for_condition(
            "count", lambda n: n + 1, initial_state=0, until=lambda n: n == 2, poll=Poll(initial_delay=1)
        )

    handler.__annotations__["return"] = int
    with Engine(clock=SkippingClock()) as engine:
        engine.register(durable_execution(hooks=recorder)(handler), name="count")
        engine.start("count", None).result(timeout=10)
    assert [fields(end, "kind", "attempt", "outcome") for end in recorder.of(UserFunctionEnd)] == [
        ("condition", 1, "SUCCEEDED"),
        ("condition", 2, "SUCCEEDED"),
    ]


def test_a_body_that_reaches_its_timeout_has_failed(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("slow", asyncio.Event().wait, timeout=0.001, retry=0)

    Execution(handler, hooks=recorder).error()
    end = recorder.only(UserFunctionEnd)
    assert end.outcome == "FAILED"
    assert isinstance(end.error, TimeoutError)


def test_an_operation_that_the_function_cancels_says_so_on_the_first_run_and_on_replay(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        held = asyncio.ensure_future(ctx.step("held", asyncio.Event().wait))
        await ctx.step("work", str)
        held.cancel()
        await asyncio.wait([held])

    execution = Execution(handler, hooks=recorder)
    execution.result()
    execution.result()
    assert [fields(end, "outcome", "is_replayed") for end in recorder.of(OperationEnd, "held")] == [
        ("CANCELLED", False),
        ("CANCELLED", True),
    ]
    assert [end.outcome for end in recorder.of(UserFunctionEnd, "held")] == ["CANCELLED"]


def test_an_operation_that_the_function_leaves_behind_is_cancelled(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.wait("forgotten", 60)
        await ctx.step("work", str)

    Execution(handler, hooks=recorder).result()
    assert recorder.only(OperationEnd, "forgotten").outcome == "CANCELLED"


def test_reading_a_callback_is_no_operation(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.callback_result(await ctx.create_callback("approval"))

    execution = Execution(handler, hooks=recorder)
    execution.suspends()
    execution.answer("approval", "yes")
    execution.result()
    assert [fields(end, "kind", "outcome", "is_replayed") for end in recorder.of(OperationEnd)] == [
        ("callback", "SUCCEEDED", False),
        ("callback", "SUCCEEDED", True),
    ]


# Changes


def test_a_change_is_told_when_the_service_has_it(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)
        await ctx.wait("pause", 60)

    Execution(handler, hooks=recorder).suspends()
    assert [fields(change, "name", "type", "previous_status", "status") for change in recorder.of(OperationChange)] == [
        ("work", "STEP", None, "STARTED"),
        ("work", "STEP", "STARTED", "SUCCEEDED"),
        ("pause", "WAIT", None, "STARTED"),
    ]


def test_each_attempt_that_ends_is_a_change(recorder: Recorder) -> None:
    failures = [ConnectionError("no"), ConnectionError("no")]

    def flaky() -> None:
        if failures:
            raise failures.pop()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("flaky", flaky)

    execution = Execution(handler, hooks=recorder)
    for _ in range(2):
        execution.suspends()
        execution.elapse()
    execution.result()
    changes = [fields(change, "previous_status", "status", "attempts_ended") for change in recorder.of(OperationChange)]
    assert [change for change in changes if change[1] != "STARTED"] == [
        ("STARTED", "PENDING", 1),
        ("STARTED", "PENDING", 2),
        ("STARTED", "SUCCEEDED", 3),
    ]


def test_an_answer_from_outside_is_a_change(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        callback = await ctx.create_callback("approval")
        await ctx.step("ask", ask)
        return await ctx.callback_result(callback)

    def ask() -> None:
        known = execution.operation("approval")
        assert known.callback_details is not None
        details = msgspec.structs.replace(known.callback_details, result="1")
        execution.backend.news.append(msgspec.structs.replace(known, status="SUCCEEDED", callback_details=details))

    execution = Execution(handler, hooks=recorder)
    assert execution.result() == 1
    changes = recorder.of(OperationChange, "approval")
    assert [fields(change, "previous_status", "status") for change in changes] == [
        (None, "STARTED"),
        ("STARTED", "SUCCEEDED"),
    ]


def test_a_state_that_is_told_again_is_no_change(recorder: Recorder) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)
        execution.backend.news += execution.backend.operations.values()
        await ctx.step("work", str)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.hooks = recorder
    execution.result()
    assert {change.name for change in recorder.of(OperationChange)} == {"work"}


# The context of a hook

STACK: ContextVar[tuple[str, ...]] = ContextVar("stack", default=())


class Stack(Hooks):
    """A variable that tells what the code is inside of; it is not put back, and nobody else sees it."""

    def on_invocation_start(self, info: InvocationStart) -> None:
        STACK.set((*STACK.get(), "invocation"))

    def on_operation_start(self, info: OperationStart) -> None:
        STACK.set((*STACK.get(), info.name or ""))

    def on_user_function_start(self, info: UserFunctionStart) -> None:
        STACK.set((*STACK.get(), f"attempt {info.attempt}"))


@pytest.mark.parametrize("on_thread", [False, True], ids=["async", "thread"])
def test_a_variable_that_a_start_sets_is_seen_in_the_body(on_thread: bool) -> None:
    seen: list[tuple[str, ...]] = []

    def look() -> None:
        assert (threading.current_thread() is not threading.main_thread()) == on_thread
        seen.append(STACK.get())

    async def look_async() -> None:
        look()

    async def child(ctx: DurableContext) -> None:
        seen.append(STACK.get())
        await ctx.step("inner", look if on_thread else look_async)

    async def handler(event: Any, ctx: DurableContext) -> None:
        seen.append(STACK.get())
        await ctx.run_in_child_context("group", child)
        seen.append(STACK.get())

    Execution(handler, hooks=Stack()).result()
    assert seen == [
        ("invocation",),
        ("invocation", "group"),
        ("invocation", "group", "inner", "attempt 1"),
        ("invocation",),
    ]
    assert STACK.get() == ()


def test_a_variable_that_the_start_of_a_replayed_operation_sets_is_seen_by_its_end_alone() -> None:
    seen: list[tuple[str, ...]] = []

    class Ends(Stack):
        def on_operation_end(self, info: OperationEnd) -> None:
            seen.append(STACK.get())

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)
        seen.append(STACK.get())

    execution = Execution(handler)
    execution.result()
    seen.clear()
    execution.hooks = Ends()
    execution.result()
    assert seen == [("invocation", "work"), ("invocation",)]


def test_branches_do_not_see_each_others_variables() -> None:
    seen: dict[str, tuple[str, ...]] = {}

    async def branch(name: str, ctx: DurableContext) -> None:
        await ctx.step(f"{name}1", str)
        seen[name] = STACK.get()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.map("all", ["a", "b"], branch, item_name=lambda item, index: item)

    Execution(handler, hooks=Stack()).result()
    assert seen == {"a": ("invocation", "all", "a"), "b": ("invocation", "all", "b")}


# Several


def test_of_several_the_first_is_told_first_of_a_start_and_last_of_an_end() -> None:
    told: list[str] = []

    class Named(Hooks):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_operation_start(self, info: OperationStart) -> None:
            told.append(f"{self.name} start")

        def on_operation_end(self, info: OperationEnd) -> None:
            told.append(f"{self.name} end")

    Execution(one_step, hooks=[Named("a"), Named("b")]).result()
    assert told == ["a start", "b start", "b end", "a end"]


def test_instrumentation_is_linear_in_the_number_of_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at is counted: ten times as many operations, at most ten times as much."""
    looked_at = 0

    def counted(raw: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        return decode_operation(raw)

    monkeypatch.setattr(observer, "decode_operation", counted)

    async def handler(event: int, ctx: DurableContext) -> None:
        for _ in range(event):
            await ctx.step(None, nothing)

    async def nothing() -> None: ...

    costs: list[int] = []
    for count in (20, 200):
        recorder = Recorder()
        looked_at = 0
        execution = Execution(handler, count, hooks=recorder)
        execution.result()
        execution.result()
        costs.append(looked_at + len(recorder.told))
        assert len(recorder.of(OperationEnd)) == 2 * count
    assert costs[1] <= 10 * costs[0]
