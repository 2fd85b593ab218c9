"""Operations that a `def` handler calls where they cannot be called: each is refused, and told what to do instead."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, SyncDurableContext, ValidationError, durable_execution

Make = Callable[..., Execution]


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        call()
    return str(caught.value)


def on_a_thread(call: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join(10)
    return results[0]


def test_the_context_of_the_parent_in_a_child(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        def child(own: SyncDurableContext) -> str:
            return refused(lambda: ctx.step("work", int))

        return ctx.run_in_child_context("child", child)

    assert "use the ctx that this function was given" in execution_of(handler).result()


def test_the_context_of_the_parent_in_a_branch(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        return ctx.parallel("branches", [lambda own: refused(lambda: ctx.wait("pause", 60))]).results()[0]

    assert "use the ctx that this function was given" in execution_of(handler).result()


def test_the_context_of_a_child_after_it_has_returned(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        kept: list[SyncDurableContext] = []
        ctx.run_in_child_context("child", kept.append)
        return refused(lambda: kept[0].step("work", int))

    assert "its context's function has returned" in execution_of(handler).result()


def test_the_context_after_the_handler_has_returned(execution_of: Make) -> None:
    kept: list[SyncDurableContext] = []

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        kept.append(ctx)

    execution_of(handler).result()
    assert "its context's function has returned" in refused(lambda: kept[0].step("work", int))


@pytest.mark.parametrize("timeout", [None, 60])
def test_an_operation_in_the_body_of_a_step(timeout: int | None, execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        def body() -> str:
            return refused(lambda: ctx.step("inner", int))

        return ctx.step("outer", body, timeout=timeout)

    execution = execution_of(handler)
    assert "a step's body cannot call durable operations" in execution.result()
    assert all(name == "outer" for _, name, _ in execution.sent)


CALLS: dict[str, Callable[[SyncDurableContext], Any]] = {
    "step": lambda ctx: ctx.step("work", int),
    "wait": lambda ctx: ctx.wait("pause", 60),
    "map": lambda ctx: ctx.map("items", [1], lambda item, ctx: item),
    "now": lambda ctx: ctx.now(),
    "uuid": lambda ctx: ctx.uuid(),
    "patched": lambda ctx: ctx.patched("change"),
    "flush": lambda ctx: ctx.flush(),
    "saga": lambda ctx: ctx.saga().run_compensations(),
    "batch_checkpoints": lambda ctx: ctx.batch_checkpoints().__enter__(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_thread_of_the_user_s_own(name: str, execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        return on_a_thread(lambda: refused(lambda: CALLS[name](ctx)))

    execution = execution_of(handler)
    assert "ctx.parallel()" in execution.result()
    assert execution.sent == []


def test_a_thread_of_the_user_s_own_that_has_the_context_s_variables(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        inside = contextvars.copy_context()
        return on_a_thread(lambda: inside.run(refused, lambda: ctx.step("work", int)))

    assert "not the thread that runs the code of its context" in execution_of(handler).result()


def test_the_answer_to_a_callback_on_a_thread_of_the_user_s_own(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> str:
        handle = ctx.create_callback("answer")
        return on_a_thread(lambda: refused(lambda: ctx.callback_result(handle)))

    assert "ctx.parallel()" in execution_of(handler).result()


def test_an_async_def_as_a_branch(execution_of: Make) -> None:
    async def branch(ctx: DurableContext) -> None: ...

    def handler(event: Any, ctx: SyncDurableContext) -> list[str]:
        return [
            refused(lambda: ctx.parallel("branches", [branch])),
            refused(lambda: ctx.map("items", [1], branch)),
            refused(lambda: ctx.first("first", a=branch)),
            refused(lambda: ctx.timeout("late", 5, branch)),
            refused(lambda: ctx.run_in_child_context("child", branch)),
            refused(lambda: ctx.with_retry("again", branch)),
        ]

    execution = execution_of(handler)
    assert all("takes a `def`, not the `async def`" in text for text in execution.result())
    assert execution.sent == []


def test_a_branch_that_returns_a_coroutine(execution_of: Make) -> None:
    async def later() -> int:
        return 1

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        coroutine = later()
        try:
            return str(ctx.run_in_child_context("child", lambda ctx: coroutine))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            coroutine.close()

    assert "coroutine" in execution_of(handler).result()


@pytest.mark.parametrize("wrong", ["DurableContext", DurableContext])
def test_a_def_whose_context_is_annotated_as_the_other_kind(wrong: Any) -> None:
    def handler(event: Any, ctx: Any) -> None: ...

    handler.__annotations__["ctx"] = wrong
    with pytest.raises(ValidationError, match="`def`, so its context is a SyncDurableContext"):
        durable_execution(handler)


def test_an_async_def_whose_context_is_annotated_as_the_other_kind() -> None:
    async def handler(event: Any, ctx: SyncDurableContext) -> None: ...

    with pytest.raises(ValidationError, match="`async def`, so its context is a DurableContext"):
        durable_execution(handler)


def test_asyncio_run_in_the_handler_and_in_a_body_has_a_loop_of_its_own(execution_of: Make) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    def body() -> int:
        return asyncio.run(double(1))

    def handler(event: Any, ctx: SyncDurableContext) -> list[int]:
        return [asyncio.run(double(2)), ctx.step("work", body), asyncio.run(double(3))]

    assert execution_of(handler).result() == [4, 2, 6]


def test_an_operation_in_a_coroutine_that_the_handler_runs_is_done_and_blocks(execution_of: Make) -> None:
    """It is the handler's thread and context: nothing is wrong with it, but for the loop that it blocks."""

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        async def main() -> int:
            return ctx.step("work", lambda: 5, result_type=int)

        return asyncio.run(main())

    assert execution_of(handler).result() == 5


def test_the_context_of_one_execution_in_another() -> None:
    kept: list[SyncDurableContext] = []
    texts: list[str] = []

    def inner(event: Any, ctx: SyncDurableContext) -> None:
        texts.append(refused(lambda: kept[0].step("work", int)))

    def outer(event: Any, ctx: SyncDurableContext) -> None:
        kept.append(ctx)
        Execution(inner).result()

    Execution(outer).result()
    assert "use the ctx that this function was given" in texts[0]
