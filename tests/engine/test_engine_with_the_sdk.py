"""The SDK and the engine together: one function, one file, and the history that they make."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from durable_lambda import CallbackExternalError, DurableContext, durable_execution
from durable_lambda.engine import Engine, Execution


@dataclass
class Decision:
    status: str
    approver: str


ASKED: list[str] = []


async def ask(callback_id: str) -> None:
    ASKED.append(callback_id)


@durable_execution
async def approval(order: str, ctx: DurableContext) -> str:
    handle = await ctx.create_callback("approval", timeout=300)
    await ctx.step("ask", ask, handle.callback_id)
    try:
        decision = await ctx.callback_result(handle, Decision)
    except CallbackExternalError as error:
        return f"{order}: {error.error_type}"
    return f"{order}: {decision.status} by {decision.approver}"


def until_suspended(execution: Execution) -> None:
    """Wait until the first invocation has ended."""
    news = threading.Event()
    unwatch = execution.watch(news.set)
    while not any(event.event_type == "InvocationCompleted" for event in execution.history()):
        assert news.wait(10)
        news.clear()
    unwatch()


def types_of(execution: Execution) -> list[str]:
    return [event.event_type for event in execution.history()]


FIRST_INVOCATION = ["ExecutionStarted", "CallbackStarted", "StepStarted", "StepSucceeded", "InvocationCompleted"]


def test_a_callback_takes_two_invocations_and_asks_once(tmp_path: Path) -> None:
    ASKED.clear()
    with Engine(tmp_path / "orders.db") as engine:
        engine.register(approval)
        execution = engine.start("approval", "order-42")
        until_suspended(execution)
        assert types_of(execution) == FIRST_INVOCATION
        engine.send_callback_success(ASKED[0], {"status": "approved", "approver": "alice"})
        assert execution.result(timeout=10) == "order-42: approved by alice"
        assert types_of(execution) == [
            *FIRST_INVOCATION,
            "CallbackSucceeded",
            "InvocationCompleted",
            "ExecutionSucceeded",
        ]
    assert len(ASKED) == 1


def test_a_callback_that_is_answered_after_a_restart_is_read_by_the_second_invocation(tmp_path: Path) -> None:
    ASKED.clear()
    with Engine(tmp_path / "orders.db") as engine:
        engine.register(approval)
        until_suspended(engine.start("approval", "order-42", execution_name="order-42"))
    with Engine(tmp_path / "orders.db") as engine:
        engine.register(approval)
        engine.send_callback_failure(ASKED[0], "nobody is there")
        execution = engine.execution("order-42")
        assert execution.result(timeout=10).startswith("order-42: ")
        assert types_of(execution)[-3:] == ["CallbackFailed", "InvocationCompleted", "ExecutionSucceeded"]
    assert len(ASKED) == 1
