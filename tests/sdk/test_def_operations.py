"""A `def` handler's operations block and give the value; what it runs, and on which thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError, Retry, SyncDurableContext, current_step
from durable_lambda.loop import InvocationLoop
from hooked import Recorder
from prefixes import to_the_end
from recording import RecordingBackend

Make = Callable[..., Execution]

SETTING = contextvars.ContextVar("SETTING", default="unset")


def test_a_step_runs_in_the_thread_that_calls_it(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        return ctx.step("where", threading.get_ident) == threading.get_ident()

    assert execution_of(handler).result() is True


def test_a_called_handler_runs_in_the_thread_that_calls_it() -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return threading.get_ident()

    assert Execution(handler).result() == threading.get_ident()


def test_a_child_context_runs_in_the_thread_that_calls_it_and_so_do_its_steps(execution_of: Make) -> None:
    def child(ctx: SyncDurableContext) -> list[int]:
        return [threading.get_ident(), ctx.step("inner", threading.get_ident)]

    def handler(event: Any, ctx: SyncDurableContext) -> list[int]:
        return [threading.get_ident(), *ctx.run_in_child_context("child", child)]

    assert len(set(execution_of(handler).result())) == 1


@pytest.mark.parametrize("of", ["with_retry", "saga", "wait_for_callback", "wait_for_condition"])
def test_what_other_operations_run_runs_in_the_thread_that_calls_them(of: str, execution_of: Make) -> None:
    ran: list[int] = []

    def note(*_: Any) -> int:
        ran.append(threading.get_ident())
        return 1

    def block(ctx: SyncDurableContext) -> None:
        ctx.step("block", note)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        match of:
            case "with_retry":
                ctx.with_retry("again", block)
            case "saga":
                with ctx.saga() as saga:
                    saga.step("do", note, compensate=note)
                    saga.run_compensations()
            case "wait_for_callback":
                ctx.wait_for_callback("ask", note)
            case _:
                ctx.wait_for_condition("look", note, initial_state=0, until=bool)
        ran.append(threading.get_ident())

    execution = execution_of(handler)
    if execution.run()["Status"] == "PENDING":
        ran.append(ran[0])
    assert len(ran) >= 2
    assert len(set(ran)) == 1


def test_a_body_with_a_timeout_runs_on_another_thread(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        return ctx.step("where", threading.get_ident, timeout=60) == threading.get_ident()

    assert execution_of(handler).result() is False


def test_an_async_body_runs_on_the_loop(execution_of: Make) -> None:
    async def body() -> str:
        await asyncio.sleep(0)
        return type(asyncio.get_running_loop()).__name__

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        return ctx.step("work", body)

    assert "Loop" in execution_of(handler).result()


def test_a_coroutine_that_a_def_body_returns_is_awaited(execution_of: Make) -> None:
    async def later(number: int) -> list[Any]:
        await asyncio.sleep(0)
        return [current_step().name, isinstance(asyncio.get_running_loop(), InvocationLoop), number]

    def body() -> Any:
        return later(5)

    def handler(event: Any, ctx: SyncDurableContext) -> list[Any]:
        return ctx.step("work", body, result_type=list[Any])

    assert execution_of(handler).result() == ["work", True, 5]


def test_thread_locals_are_those_of_the_handler(execution_of: Make) -> None:
    local = threading.local()

    def body() -> str:
        return local.connection

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        local.connection = "open"
        return ctx.step("use", body)

    assert execution_of(handler).result() == "open"


def test_contextvars_of_the_code_are_seen_in_bodies_children_and_branches(execution_of: Make) -> None:
    def read(*_: Any) -> str:
        return SETTING.get()

    def branch(ctx: SyncDurableContext) -> str:
        return ctx.step("in a branch", read)

    def handler(event: Any, ctx: SyncDurableContext) -> list[str]:
        SETTING.set("set")
        return [
            ctx.step("read", read),
            ctx.step("read elsewhere", read, timeout=60),
            ctx.run_in_child_context("child", read),
            *ctx.parallel("branches", [branch]).results(),
        ]

    assert execution_of(handler).result() == ["set"] * 4


@pytest.mark.parametrize("has_hooks", [False, True])
def test_what_a_body_sets_in_contextvars_ends_with_it_as_on_a_replay(has_hooks: bool, execution_of: Make) -> None:
    def body() -> None:
        SETTING.set("by the body")

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        ctx.step("set", body)
        return SETTING.get()

    execution = execution_of(handler, hooks=Recorder() if has_hooks else None)
    assert [execution.result(), execution.result()] == ["unset", "unset"]


def test_what_the_caller_has_in_contextvars_is_seen_by_a_called_handler() -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        return ctx.step("read", SETTING.get)

    token = SETTING.set("by the caller")
    try:
        assert Execution(handler).result() == "by the caller"
    finally:
        SETTING.reset(token)


def test_a_replay_does_not_touch_the_loop(execution_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first and the last replayed operation nothing is put on the loop, from this thread or another."""
    touched: list[str] = []
    is_watched = False

    def spy(name: str) -> None:
        original = getattr(InvocationLoop, name)

        def spied(self: InvocationLoop, *args: Any, **options: Any) -> Any:
            if is_watched:
                touched.append(name)
            return original(self, *args, **options)

        monkeypatch.setattr(InvocationLoop, name, spied)

    for name in ("call_soon", "call_soon_threadsafe", "call_later", "call_at", "run_forever", "stop"):
        spy(name)

    def child(ctx: SyncDurableContext) -> int:
        return ctx.step("inner", lambda: 1, result_type=int)

    def fail() -> None:
        raise LookupError("no")

    def everything(ctx: SyncDurableContext) -> Any:
        for number in range(50):
            ctx.step(f"step {number}", int)
        ctx.wait("pause", 60)
        handle = ctx.create_callback("answer")
        ctx.run_in_child_context("child", child)
        ctx.parallel("both", [child, child])
        ctx.now()
        with pytest.raises(LookupError):
            ctx.step("broken", fail, retry=0)
        return ctx.callback_result(handle)

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        nonlocal is_watched
        is_watched = is_complete
        try:
            return everything(ctx)
        finally:
            is_watched = False

    is_complete = False
    execution = execution_of(handler)
    assert to_the_end(execution, {"answer": "yes"})["Result"] == "yes"
    is_complete = True
    assert execution.result() == "yes"
    assert touched == []
    assert execution.sent == []


def test_a_retry_suspends_and_the_next_attempt_is_made_in_another_invocation(execution_of: Make) -> None:
    attempts: list[int] = []

    def body() -> str:
        attempts.append(current_step().attempt)
        if len(attempts) < 3:
            raise ConnectionError
        return "done"

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        return ctx.step("flaky", body, retry=Retry.fixed(1))

    execution = execution_of(handler)
    for _ in range(2):
        execution.suspends()
        execution.suspends()  # woken early, it waits on
        execution.elapse()
    assert execution.result() == "done"
    assert attempts == [1, 2, 3]


def test_a_service_that_fails_ends_the_invocation_and_not_the_execution(execution_of: Make) -> None:
    class Failing(RecordingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> Any:
            raise OSError("no route")

    seen: list[str] = []

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        try:
            ctx.step("work", int)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    with pytest.raises(BackendError, match="no route"):
        execution_of(handler, backend=Failing()).run()
    assert seen == ["Suspended"]
