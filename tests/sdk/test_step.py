"""Steps: a body runs once, its outcome is remembered, and every callable may be one."""

from __future__ import annotations

import asyncio
import functools
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"


def add(a: int, b: int) -> int:
    return a + b


async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def gives_coroutine(a: int, b: int) -> Any:
    return add_async(a, b)


class Adder:
    """Callable, with methods of every kind."""

    def __call__(self, a: int, b: int) -> int:
        return a + b

    def method(self, a: int, b: int) -> int:
        return a + b

    async def async_method(self, a: int, b: int) -> int:
        return a + b

    @classmethod
    def of_class(cls, a: int, b: int) -> int:
        return a + b

    @staticmethod
    def static(a: int, b: int) -> int:
        return a + b


class AsyncAdder:
    async def __call__(self, a: int, b: int) -> int:
        return a + b


def run_step(fn: Any, *args: Any, **options: Any) -> Execution:
    """An execution of one step, which ran and was replayed with the same result."""
    runs = []

    async def handler(event: Any, ctx: DurableContext) -> Any:
        runs.append(1)
        return await ctx.step("work", fn, *args, **options)

    execution = Execution(handler)
    first = execution.result()
    assert [update[2] for update in execution.sent] == ["START", "SUCCEED"]
    assert execution.result() == first
    assert execution.sent == []
    execution.event = first
    return execution


CALLABLES = {
    "def": add,
    "async def": add_async,
    "lambda": lambda a, b: a + b,
    "partial": functools.partial(add, b=3),
    "partial of async def": functools.partial(add_async, b=3),
    "partial of partial": functools.partial(functools.partial(add_async), b=3),
    "callable object": Adder(),
    "async callable object": AsyncAdder(),
    "method": Adder().method,
    "async method": Adder().async_method,
    "class method": Adder.of_class,
    "static method": Adder.static,
    "returns a coroutine": gives_coroutine,
    "builtin": max,
}


@pytest.mark.parametrize("inline", [False, True], ids=["", "inline"])
@pytest.mark.parametrize("kind", CALLABLES)
def test_every_callable_may_be_a_step(kind: str, inline: bool) -> None:
    args = (2,) if "partial" in kind else (2, 3)
    execution = run_step(CALLABLES[kind], *args, inline=inline)
    assert execution.event == (3 if kind == "builtin" else 5)


def test_a_class_may_be_a_step_when_its_instances_are_json() -> None:
    assert run_step(dict, [("a", 1)]).event == {"a": 1}


def test_a_body_runs_once_and_is_not_run_on_replay() -> None:
    runs = []
    run_step(runs.append, 1)
    assert runs == [1]


def test_the_update_has_the_name_sub_type_and_id() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", add, 1, 2)

    execution = Execution(handler)
    execution.result()
    start, succeed = execution.calls[0]
    for update in (start, succeed):
        assert (update.id, update.type, update.sub_type, update.name) == (FIRST_ID, "STEP", "Step", "work")
        assert update.parent_id is None
    assert (start.payload, succeed.payload) == (None, "3")


def test_a_step_without_a_name_has_none_on_the_wire() -> None:
    async def handler(event: Any, ctx: DurableContext) -> int:
        return await ctx.step(None, add, 1, 2)

    execution = Execution(handler)
    assert execution.result() == 3
    assert [update.name for update in execution.calls[0]] == [None, None]
    assert execution.result() == 3


def test_a_def_body_runs_on_a_thread_and_an_async_one_on_the_loop() -> None:
    threads: dict[str, int] = {}

    def on_thread() -> None:
        threads["def"] = threading.get_ident()

    async def on_loop() -> None:
        threads["async"] = threading.get_ident()

    def inline() -> None:
        threads["inline"] = threading.get_ident()

    async def handler(event: Any, ctx: DurableContext) -> None:
        threads["handler"] = threading.get_ident()
        await ctx.step("def", on_thread)
        await ctx.step("async", on_loop)
        await ctx.step("inline", inline, inline=True)

    Execution(handler).result()
    assert threads["def"] != threads["handler"]
    assert threads["async"] == threads["inline"] == threads["handler"]


def test_def_bodies_do_not_block_each_other() -> None:
    meeting = threading.Barrier(3)

    async def handler(event: Any, ctx: DurableContext) -> list[int]:
        return await asyncio.gather(*(ctx.step(f"step-{number}", meeting.wait, 10) for number in range(3)))

    assert sorted(Execution(handler).result()) == [0, 1, 2]


def test_a_coroutine_that_a_def_returns_is_awaited_on_the_loop() -> None:
    threads = []

    async def inner() -> None:
        threads.append(threading.get_ident())

    async def handler(event: Any, ctx: DurableContext) -> None:
        threads.append(threading.get_ident())
        await ctx.step("work", lambda: inner())  # noqa: PLW0108

    Execution(handler).result()
    assert threads[0] == threads[1]


REQUEST: ContextVar[str] = ContextVar("request")


@pytest.mark.parametrize("on_thread", [False, True])
def test_a_body_sees_the_context_variables_of_the_code_that_called_it(on_thread: bool) -> None:
    async def async_body() -> str:
        return REQUEST.get()

    async def handler(event: Any, ctx: DurableContext) -> str:
        REQUEST.set("seen")
        return await ctx.step("work", REQUEST.get if on_thread else async_body)

    assert Execution(handler).result() == "seen"


# What is refused


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda ctx: ctx.step("work", 5), "takes a function after the name, not 5"),
        (lambda ctx: ctx.step("work", None), "takes a function"),
        (lambda ctx: ctx.step(add, 1, 2), 'ctx.step("some-name", …)'),
        (lambda ctx: ctx.step("work", add, 1, 2, retry=-1), "retry must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, retry=True), "retry must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, retry=1.5), "retry must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, retry="3"), "retry must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout=0), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout=-1), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout=float("inf")), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout=float("nan")), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout=True), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, timeout="5"), "timeout of step() must be"),
        (lambda ctx: ctx.step("work", add, 1, 2, raises=(5,)), "raises"),
        (lambda ctx: ctx.step("work", add, 1, 2, raises=ValueError), "raises"),
        (lambda ctx: ctx.step("work", add, 1, 2, result_type=str | bytes), "str | bytes"),
    ],
)
def test_a_wrong_call_is_refused_by_the_call_and_nothing_is_sent(call: Any, text: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        with pytest.raises(ValidationError) as refused:
            call(ctx)
        assert text in str(refused.value), refused.value
        assert refused.value.code == "VALIDATION"

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []


def test_a_coroutine_instead_of_a_function_is_refused_with_the_right_form() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.step("work", add_async(1, 2))  # type: ignore[arg-type]  # it is what the test is about

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "ctx.step(name, add_async, …), not add_async(…)" in error["ErrorMessage"]


def test_an_operation_in_a_body_is_refused_with_the_way_out() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        async def body() -> None:
            await ctx.step("inner", str)

        await ctx.step("outer", body, retry=0)

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "step 'inner' cannot be called here" in error["ErrorMessage"]
    assert "ctx.run_in_child_context" in error["ErrorMessage"]


def test_an_operation_in_a_body_on_a_thread_is_refused() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("outer", lambda: ctx.wait("inner", 5), retry=0)

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "wait 'inner' cannot be called here" in error["ErrorMessage"]


def test_an_operation_from_a_plain_thread_is_refused() -> None:
    refusals = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        def from_outside() -> None:
            try:
                ctx.wait("pause", 5)
            except ValidationError as refused:
                refusals.append(str(refused))

        thread = threading.Thread(target=from_outside)
        thread.start()
        thread.join()

    Execution(handler).result()
    assert "not from a thread" in refusals[0]
