"""Hooks and log lines in `def` handlers: the same as in an `async def`, across threads."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    Hooks,
    InvocationStart,
    JsonFormatter,
    OperationEnd,
    OperationStart,
    SyncDurableContext,
    UserFunctionStart,
    current_step,
)
from hooked import Recorder
from prefixes import to_the_end
from recording import ARN
from twins import ANSWERS, BY_HAND, Twins

Make = Callable[..., Execution]
STACK: ContextVar[tuple[str, ...]] = ContextVar("STACK", default=())


class Stack(Hooks):
    """A variable that tells what the code is inside of; it is not put back, and nobody else sees it."""

    def on_invocation_start(self, info: InvocationStart) -> None:
        STACK.set((*STACK.get(), "invocation"))

    def on_operation_start(self, info: OperationStart) -> None:
        STACK.set((*STACK.get(), info.name or ""))

    def on_user_function_start(self, info: UserFunctionStart) -> None:
        STACK.set((*STACK.get(), f"attempt {info.attempt}"))


@pytest.mark.parametrize("timeout", [None, 60], ids=["here", "on a thread"])
def test_a_variable_that_a_start_sets_is_seen_in_bodies_children_and_branches(
    timeout: int | None, execution_of: Make
) -> None:
    seen: list[tuple[str, ...]] = []

    def look() -> None:
        seen.append(STACK.get())

    def child(ctx: SyncDurableContext) -> None:
        look()
        ctx.step("inner", look, timeout=timeout)
        look()

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        look()
        ctx.run_in_child_context("group", child)
        ctx.map("batch", [1], lambda item, ctx: child(ctx), item_name=lambda item, index: "branch")
        look()

    execution_of(handler, hooks=Stack()).result()
    inside, around = ("inner", "attempt 1"), ("invocation",)
    group, branch = (*around, "group"), (*around, "batch", "branch")
    assert seen == [around, group, (*group, *inside), group, branch, (*branch, *inside), branch, around]
    assert STACK.get() == ()


@pytest.mark.parametrize("twins", [twins for twins in BY_HAND if twins.name != "races"], ids=str)
def test_hooks_are_told_the_same(twins: Twins, execution_of: Make) -> None:
    def told(fn: Any, make: Any) -> list[str]:
        recorder = Recorder()
        to_the_end(make(fn, hooks=recorder), ANSWERS)
        lines = recorder.lines()
        return sorted(lines) if twins.name == "side_by_side" else lines

    assert told(twins.blocking, execution_of) == told(twins.awaiting, Execution)


def test_a_replay_is_told_as_one(execution_of: Make) -> None:
    recorder = Recorder()

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("work", int)

    execution = execution_of(handler, hooks=recorder)
    execution.result()
    execution.result()
    starts, ends = recorder.of(OperationStart, "work"), recorder.of(OperationEnd, "work")
    assert [start.is_replayed for start in starts] == [False, True]
    assert [end.outcome for end in ends] == ["SUCCEEDED", "SUCCEEDED"]
    assert len(recorder.of(UserFunctionStart)) == 1


def test_a_suspension_is_told_as_one_in_a_branch_too(execution_of: Make) -> None:
    recorder = Recorder()

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.parallel("branches", {"one": lambda ctx: ctx.wait("pause", 60)})

    execution_of(handler, hooks=recorder).suspends()
    assert {end.name: end.outcome for end in recorder.of(OperationEnd)} == dict.fromkeys(
        ("pause", "one", "branches"), "SUSPENDED"
    )


def test_a_hook_that_raises_does_not_harm_the_function(execution_of: Make) -> None:
    class Broken(Hooks):
        def on_operation_start(self, info: OperationStart) -> None:
            raise LookupError("a hook's")

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return ctx.step("work", lambda: 3, result_type=int)

    assert execution_of(handler, hooks=Broken()).result() == 3


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the root logger has written as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


FIELDS = ("message", "executionArn", "parentId", "operationName", "attempt")


@pytest.mark.parametrize("logger", ["tests.json", None], ids=["any", "ours"])
@pytest.mark.parametrize("timeout", [None, 60], ids=["here", "on a thread"])
def test_a_log_line_names_its_execution_its_step_and_its_branch(
    logger: str | None, timeout: int | None, lines: Callable[[], list[dict[str, Any]]], execution_of: Make
) -> None:
    parents: list[str | None] = []

    def body() -> None:
        (logging.getLogger(logger) if logger else current_step().logger).info("in the body")

    def branch(ctx: SyncDurableContext) -> None:
        parents.append(ctx.parent_id)
        (logging.getLogger(logger) if logger else ctx.logger).info("in the branch")
        ctx.step("charge", body, timeout=timeout)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        (logging.getLogger(logger) if logger else ctx.logger).info("in the handler")
        ctx.parallel("branches", [branch])

    execution_of(handler).result()
    [parent] = parents
    assert [[line.get(field) for field in FIELDS] for line in lines()] == [
        ["in the handler", ARN, None, None, None],
        ["in the branch", ARN, parent, None, None],
        ["in the body", ARN, parent, "charge", 1],
    ]


def test_the_context_s_logger_is_silent_in_a_replay_and_speaks_in_a_new_child(
    lines: Callable[[], list[dict[str, Any]]], execution_of: Make
) -> None:
    def child(ctx: SyncDurableContext) -> None:
        ctx.logger.info("in the child")

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.logger.info("before")
        ctx.wait("pause", 60)
        ctx.logger.info("after")
        ctx.run_in_child_context("child", child)

    execution = execution_of(handler)
    execution.suspends()
    execution.elapse()
    execution.result()
    execution.result()
    assert [line["message"] for line in lines()] == ["before", "after", "in the child"]
