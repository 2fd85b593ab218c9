"""Calls that cannot be right: each is refused before anything of it is sent, and told what to write instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext, Poll, Retry, ValidationError, current_step

VALIDATION = "durable_lambda.errors.ValidationError"
Call = Callable[[DurableContext], Any]


async def branch(ctx: DurableContext) -> str:
    return "branch"


async def item(item: Any, ctx: DurableContext) -> Any:
    return item


async def work(*_: Any) -> str:
    return "work"


def undo(*_: Any) -> None: ...


OPERATIONS: dict[str, Call] = {
    "step": lambda ctx: ctx.step("x", work),
    "wait": lambda ctx: ctx.wait("x", 5),
    "create_callback": lambda ctx: ctx.create_callback("x"),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback("x", work),
    "wait_for_condition": lambda ctx: ctx.wait_for_condition("x", work, initial_state="", until=bool, poll=Poll()),
    "invoke": lambda ctx: ctx.invoke("x", "payments"),
    "run_in_child_context": lambda ctx: ctx.run_in_child_context("x", branch),
    "parallel": lambda ctx: ctx.parallel("x", [branch]),
    "map": lambda ctx: ctx.map("x", [1], item),
    "first": lambda ctx: ctx.first("x", a=branch),
    "timeout": lambda ctx: ctx.timeout("x", 5, branch),
    "with_retry": lambda ctx: ctx.with_retry("x", branch),
    "saga.step": lambda ctx: ctx.saga().step("x", work, compensate=undo),
    "now": lambda ctx: ctx.now(),
    "uuid": lambda ctx: ctx.uuid(),
    "random": lambda ctx: ctx.random(),
    "patched": lambda ctx: ctx.patched("x"),
}
FUNCTIONS: dict[str, tuple[Callable[[DurableContext, Any], Any], str]] = {
    "step": (lambda ctx, fn: ctx.step("x", fn), "ctx.step(name, work, …), not work(…)"),
    "wait_for_callback": (lambda ctx, fn: ctx.wait_for_callback("x", fn), "ctx.wait_for_callback(name, work, …)"),
    "wait_for_condition": (
        lambda ctx, fn: ctx.wait_for_condition("x", fn, initial_state=0, until=bool),
        "ctx.wait_for_condition(name, work, …)",
    ),
    "run_in_child_context": (lambda ctx, fn: ctx.run_in_child_context("x", fn), "ctx.run_in_child_context(name, work"),
    "parallel, a list": (lambda ctx, fn: ctx.parallel("x", [branch, fn]), "branch 1 of parallel() is the coroutine"),
    "parallel, a dict": (lambda ctx, fn: ctx.parallel("x", {"a": fn}), "functools.partial(work, …)"),
    "map": (lambda ctx, fn: ctx.map("x", [1], fn), "ctx.map(name, work, …), not work(…)"),
    "first": (lambda ctx, fn: ctx.first("x", a=fn), "branch 'a' of first() is the coroutine work(…)"),
    "timeout": (lambda ctx, fn: ctx.timeout("x", 5, fn), "ctx.timeout(name, work, …), not work(…)"),
    "with_retry": (lambda ctx, fn: ctx.with_retry("x", fn), "ctx.with_retry(name, work, …), not work(…)"),
    "saga.step": (lambda ctx, fn: ctx.saga().step("x", fn, compensate=undo), "ctx.step(name, work, …), not work(…)"),
    "saga.step, its compensation": (lambda ctx, fn: ctx.saga().step("x", work, compensate=fn), "not work(…)"),
}

BAD: dict[str, tuple[Call, str]] = {
    "branches that are none": (lambda ctx: ctx.parallel("x", None), 'ctx.parallel("quotes", [train, plane])'),
    "a race of nobody": (lambda ctx: ctx.first("x"), 'ctx.first("quote", train=ask_train, plane=ask_plane)'),
    "items that are none": (lambda ctx: ctx.map("x", None, item), "map() takes a list of items, not NoneType"),
    "a generator as items": (lambda ctx: ctx.map("x", (n for n in [1]), item), "write list(…)"),
    "an iterator as items": (lambda ctx: ctx.map("x", iter([1]), item), "write list(…)"),
    "a set as items": (lambda ctx: ctx.map("x", {1, 2}, item), "sorted if it has no order of its own"),
    "a generator as branches": (lambda ctx: ctx.parallel("x", (b for b in [branch])), "takes a list of functions"),
    "a branch with its name": (lambda ctx: ctx.parallel("x", [("a", branch)]), "branch 0 of parallel() must be a func"),
    "more successes than branches": (
        lambda ctx: ctx.parallel("x", [branch, branch], completion=Completion.at_least(3)),
        "asks for 3 successful branches, and there are 2: it can never be met; ask for 2 at most",
    ),
    "more successes than items": (
        lambda ctx: ctx.map("x", [1], item, completion=Completion.at_least(2)),
        "asks for 2 successful branches, and there are 1",
    ),
    "one success of no item": (
        lambda ctx: ctx.map("x", [], item, completion=Completion.first_successful()),
        "asks for 1 successful branches, and there are 0",
    ),
    "no success at all": (lambda ctx: Completion.at_least(0), "takes a number of branches from 1, not 0"),
    "a tolerance of nothing": (lambda ctx: Completion.tolerate(), "takes failures=, percentage=, or both"),
    "more than all failures": (lambda ctx: Completion.tolerate(percentage=101), "percentage must be from 0 to 100"),
    "parallel without concurrency": (
        lambda ctx: ctx.parallel("x", [branch], max_concurrency=0),
        "max_concurrency of parallel() must be a whole number from 1, not 0; leave it out for no such bound",
    ),
    "map without concurrency": (lambda ctx: ctx.map("x", [1], item, max_concurrency=0), "from 1, not 0; leave it out"),
    "map in batches of none": (
        lambda ctx: ctx.map("x", [1], item, batch_size=0),
        "batch_size of map() must be a whole",
    ),
    "two items of one name": (
        lambda ctx: ctx.map("x", ["a", "b", "a"], item, item_name=lambda item, _: item),
        "items 0 and 2 of map() are both named 'a': give each a name of its own, item_name=lambda item, index:",
    ),
    "an item_name that is no function": (
        lambda ctx: ctx.map("x", [1], item, item_name="order"),
        "item_name= of map() takes a function of an item and its index, not 'order': item_name=lambda item, index:",
    ),
    "a name of an item that is none": (
        lambda ctx: ctx.map("x", [1], item, item_name=lambda item, index: index),
        "the name of an item of map() must be a str or None, not 0",
    ),
    "a name of a branch that is none": (
        lambda ctx: ctx.parallel("x", {1: branch}),
        "the name of a branch of parallel() must be a str or None, not 1",
    ),
    "a saga without a name": (lambda ctx: ctx.saga(None), "a saga has a name, a str, not None"),
    "until that is awaited": (
        lambda ctx: ctx.wait_for_condition("x", work, initial_state="", until=work),
        "until= of wait_for_condition() takes a plain function, not the `async def` work: what has to be awaited",
    ),
    "a completion that is awaited": (lambda ctx: Completion.when(work), "takes a plain function, not the `async def`"),
    "a filter of errors that is awaited": (lambda ctx: Retry(retry_on=work), "takes a plain function, not the `async"),
    "an item_name that is awaited": (lambda ctx: ctx.map("x", [1], item, item_name=work), "takes a plain function"),
    "keywords for the function": (
        lambda ctx: ctx.step("x", work, amount=5),
        "step() has no option 'amount'; keywords for the function go with it: functools.partial(work, amount=…)",
    ),
    "keywords for the function of a saga": (
        lambda ctx: ctx.saga().step("x", work, 1, amount=5, compensate=undo),
        "functools.partial(work, amount=…)",
    ),
    "a handle of another": (lambda ctx: ctx.callback_result("cb-1"), 'await ctx.create_callback("name")'),  # type: ignore[arg-type]
    "current_step outside of a step": (lambda ctx: current_step(), "call it in the function that ctx.step() runs"),
}


def refused(handler: Any, told: str) -> Execution:
    """The function is refused, and tells what to write."""
    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == VALIDATION
    assert told in error["ErrorMessage"]
    return execution


@pytest.mark.parametrize(("call", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_right_is_refused_and_nothing_is_sent(call: Call, told: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await call(ctx)

    assert refused(handler, told).calls == []


@pytest.mark.parametrize(("call", "told"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_coroutine_in_place_of_a_function_is_told_how_to_pass_the_function(call: Any, told: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await call(ctx, work("an argument"))

    assert refused(handler, told).calls == []


@pytest.mark.parametrize("call", [call for call, _ in FUNCTIONS.values()], ids=FUNCTIONS)
@pytest.mark.parametrize("value", [None, 5, "work", ["a"]], ids=repr)
def test_what_is_no_function_is_told_where_it_belongs(call: Any, value: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await call(ctx, value)

    execution = refused(handler, repr(value))
    assert execution.calls == []


PREDICATES: dict[str, Call] = {
    "until": lambda ctx: ctx.wait_for_condition("x", work, initial_state="", until=lambda state: work()),
    "a completion": lambda ctx: ctx.parallel("x", [branch], completion=Completion.when(lambda progress: work())),
    "retry_on": lambda ctx: ctx.step("x", fails, retry=Retry(retry_on=lambda error: work())),
}


async def fails() -> None:
    raise LookupError


@pytest.mark.parametrize("call", PREDICATES.values(), ids=PREDICATES)
def test_an_answer_that_has_to_be_awaited_is_not_taken_for_true(call: Call) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await call(ctx)

    refused(handler, "gave a coroutine, and not an answer: what has to be awaited belongs into a step")


def test_an_empty_list_is_no_mistake_and_has_an_empty_result() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        mapped, branched = await ctx.map("m", [], item), await ctx.parallel("p", [])
        return [mapped.results(), branched.results(), mapped.completion_reason]

    assert Execution(handler).result() == [[], [], "ALL_COMPLETED"]


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_the_context_around_a_branch_is_refused_in_it(call: Call) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def uses_the_outer(inner: DurableContext) -> None:
            await call(ctx)

        return [str(error) for error in (await ctx.parallel("p", [uses_the_outer])).errors()]

    execution = Execution(handler)
    (told,) = execution.result()
    assert "this context belongs to other code: use the ctx that this function was given" in told
    assert {operation.name for operation in execution.backend.operations.values()} == {"p", "parallel-branch-0"}


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_the_context_around_a_child_is_refused_in_it(call: Call) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def uses_the_outer(inner: DurableContext) -> None:
            await call(ctx)

        await ctx.run_in_child_context("c", uses_the_outer)

    refused(handler, "use the ctx that this function was given")


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("on_thread", [False, True], ids=["async", "thread"])
def test_an_operation_in_the_body_of_a_step_is_refused(call: Call, on_thread: bool) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def body() -> None:
            await call(ctx)

        await ctx.step("s", (lambda: call(ctx)) if on_thread else body, retry=0)

    execution = refused(handler, "cannot be called here: ")
    told = execution.backend.updates[-1].error
    assert told is not None
    assert told.error_message is not None
    assert ("from a thread" if on_thread else "return from the step first") in told.error_message
    assert {name for _, name, _ in execution.sent} == {"s"}


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_a_context_is_refused_when_its_function_has_returned(call: Call) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        left: list[asyncio.Future[str]] = []
        ended = asyncio.Event()

        async def leaves_a_task(inner: DurableContext) -> None:
            async def later() -> str:
                await ended.wait()
                try:
                    await call(inner)
                except ValidationError as error:
                    return str(error)
                return "not refused"

            left.append(asyncio.ensure_future(later()))

        await ctx.run_in_child_context("c", leaves_a_task)
        ended.set()
        return await left[0]

    execution = Execution(handler)
    assert "has returned: a context is used by the function that it was given to" in execution.result()
    assert {name for _, name, _ in execution.sent} == {"c"}


@pytest.mark.parametrize("call", OPERATIONS.values(), ids=OPERATIONS)
def test_a_context_that_was_kept_is_refused_when_its_invocation_is_over(call: Call) -> None:
    kept: list[DurableContext] = []

    async def keeps(event: Any, ctx: DurableContext) -> None:
        kept.append(ctx)

    async def uses(event: Any, ctx: DurableContext) -> None:
        await call(kept[0])

    assert Execution(keeps).result() is None
    execution = refused(uses, "cannot be called here")
    assert execution.calls == []
