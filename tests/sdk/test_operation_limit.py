"""How many operations an execution may have: the call that would be one too many is refused, and nothing is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import Completion, DurableContext, ValidationError, durable_execution
from durable_lambda.engine import Engine, Limits, SkippingClock
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend


class LimitedBackend(RecordingBackend):
    def __init__(self, operation_limit: int | None) -> None:
        super().__init__()
        self.operation_limit = operation_limit


def with_limit(limit: int | None, handler: Any) -> Execution:
    return Execution(handler, backend=LimitedBackend(limit))


async def work(*_: Any) -> str:
    return "done"


async def one_step(*arguments: Any) -> str:
    return await arguments[-1].step("inner", work)


CALLS: dict[str, tuple[int, Callable[[DurableContext], Any]]] = {
    "step": (1, lambda ctx: ctx.step("x", work)),
    "wait": (1, lambda ctx: ctx.wait("x", 5)),
    "create_callback": (1, lambda ctx: ctx.create_callback("x")),
    "wait_for_callback": (3, lambda ctx: ctx.wait_for_callback("x", work)),
    "wait_for_condition": (
        1,
        lambda ctx: ctx.wait_for_condition("x", work, initial_state="", until=lambda _: True),
    ),
    "invoke": (1, lambda ctx: ctx.invoke("x", "payments")),
    "run_in_child_context": (1, lambda ctx: ctx.run_in_child_context("x", work)),
    "with_retry": (1, lambda ctx: ctx.with_retry("x", work)),
    "map": (4, lambda ctx: ctx.map("x", [1, 2, 3], work)),
    "parallel": (3, lambda ctx: ctx.parallel("x", [work, work])),
    "map of which one is enough": (
        2,
        lambda ctx: ctx.map("x", [1, 2, 3], work, max_concurrency=1, completion=Completion.first_successful()),
    ),
    "flat map": (1, lambda ctx: ctx.map("x", [1, 2, 3], work, nesting="flat")),
    "first": (2, lambda ctx: ctx.first("x", a=work, b=work)),
    "now": (1, lambda ctx: ctx.now()),
}


@pytest.mark.parametrize(("needed", "call"), CALLS.values(), ids=CALLS)
def test_a_call_that_would_exceed_the_limit_is_refused_and_nothing_of_it_is_sent(
    needed: int, call: Callable[[DurableContext], Any]
) -> None:
    seen: list[str] = []

    async def handler(event: Any, ctx: DurableContext) -> str:
        for number in range(6 - needed):
            await ctx.step(f"s{number}", work)
        with pytest.raises(ValidationError) as refusal:
            await call(ctx)
        assert refusal.value.code == "OPERATION_LIMIT"
        seen.append(str(refusal.value))
        return "went on"

    execution = with_limit(5, handler)
    assert execution.result() == "went on"
    assert len(execution.backend.operations) == 6 - needed
    assert execution.result() == "went on", "and so does a replay"
    assert execution.sent == []
    first, replayed = seen
    assert first == replayed
    assert "would make it 6 operations in this execution, and the limit is 5 " in first
    assert f"{6 - needed} have begun" in first
    for advice in ("nesting=", "ctx.invoke()", "Limits(operations="):
        assert advice in first


@pytest.mark.parametrize(("needed", "call"), CALLS.values(), ids=CALLS)
def test_a_call_that_just_fits_is_not_refused(needed: int, call: Callable[[DurableContext], Any]) -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        for number in range(5 - needed):
            await ctx.step(f"s{number}", work)
        call(ctx)
        return "begun"

    assert with_limit(5, handler).result() == "begun"


def test_what_leaves_no_record_does_not_count() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        handle = await ctx.create_callback("cb")
        ctx.uuid(), ctx.random()
        await ctx.run_in_child_context("v", work, virtual=True)
        await ctx.parallel("p", [work] * 20, nesting="flat")
        ctx.callback_result(handle)
        return await ctx.step("last", work)

    execution = with_limit(3, handler)
    assert execution.result() == "done"
    assert execution.result() == "done"


def test_a_patch_counts() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        first = ctx.patched("a")
        for _ in range(2):
            with pytest.raises(ValidationError, match=r"patched 'b' would make it 2 operations"):
                ctx.patched("b")
        return first

    assert with_limit(1, handler).result() is True


def test_operations_in_children_and_branches_count_where_they_begin() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        batch = await ctx.map("m", [1, 2, 3], one_step, max_concurrency=1, completion=Completion.all_completed())
        return [batch.success_count, str(batch.errors()[0])]

    execution = with_limit(6, handler)
    succeeded, told = execution.result()
    assert succeeded == 2
    assert "step 'inner' would make it 7 operations" in told
    assert len(execution.backend.operations) == 6
    assert execution.result() == [succeeded, told]


def test_the_history_counts() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        for number in range(4):
            await ctx.step(f"s{number}", work)
        await ctx.wait("pause", 60)
        return await ctx.step("one too many", work)

    execution = with_limit(5, handler)
    execution.suspends()
    execution.elapse()
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "step 'one too many' would make it 6 operations" in error["ErrorMessage"]
    assert execution.sent == []


def test_without_another_word_the_services_limit_holds_and_a_map_is_refused_before_its_first_item() -> None:
    begun: list[int] = []

    async def item(number: int, ctx: DurableContext) -> None:
        begun.append(number)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.map("m", range(10_000), item)

    execution = Execution(handler)
    told = execution.error()["ErrorMessage"]
    assert "map 'm' and what begins in it would make it 10001 operations" in told
    assert "the limit is 3000 (durable operations per execution, AWS Lambda quotas)" in told
    assert begun == []
    assert execution.calls == []


def test_a_backend_without_a_limit_takes_any_number() -> None:
    async def handler(event: Any, ctx: DurableContext) -> int:
        return (await ctx.map("m", range(5_000), work)).success_count

    assert with_limit(None, handler).result() == 5_000


# On an engine


@durable_execution
async def fan_out(count: int, ctx: DurableContext) -> int:
    return len((await ctx.map("m", range(count), one_step, max_concurrency=200)).results())


def test_ten_thousand_items_with_the_limit_lifted_need_no_threads() -> None:
    threads: set[int] = set()

    async def item(number: int, ctx: DurableContext) -> int:
        result = await ctx.step("s", lambda: number, inline=True)
        threads.add(threading.active_count())
        return result

    @durable_execution
    async def large(event: None, ctx: DurableContext) -> int:
        return sum((await ctx.map("m", range(10_000), item)).results())

    with Engine(clock=SkippingClock(), limits=Limits(operations=30_000)) as engine:
        engine.register(large)
        before = threading.active_count()
        assert engine.start("large").result(50) == sum(range(10_000))
    assert max(threads) <= before


def test_an_engine_with_the_services_limit_refuses_the_same_map_at_once() -> None:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(fan_out)
        execution = engine.start("fan_out", 10_000)
        with pytest.raises(Exception, match="and what begins in it would make it 10001 operations"):
            execution.result(10)
        assert [operation.type for operation in execution.operations()] == ["EXECUTION"]


def test_an_engine_refuses_what_is_sent_all_the_same_and_says_what_to_do() -> None:
    """Another SDK may not count."""

    class Uncounted:
        name = "uncounted"

        async def invoke(self, invocation: Any, backend: Any, context: Any) -> Any:
            updates = [OperationUpdate(f"op-{number}", "STEP", "SUCCEED", payload="1") for number in range(4)]
            arn, token = invocation.durable_execution_arn, invocation.checkpoint_token
            answer = await backend.checkpoint(arn, token, updates)
            assert answer.checkpoint_token is None
            return InvocationOutput("PENDING")

    with Engine(clock=SkippingClock(), limits=Limits(operations=3)) as engine:
        engine.register(Uncounted())
        with pytest.raises(Exception, match=r"would have 4 durable operations, the limit is 3\. Do more in each step"):
            engine.start("uncounted").result(10)
