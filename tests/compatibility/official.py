"""The programs, with the official SDK. `ours.py` has the same ones, under the same names and in the same order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aws_durable_execution_sdk_python import (
    BatchResult,
    DurableContext,
    ParallelBranch,
    StepContext,
    WithRetryConfig,
    complete_batch,
    continue_batch,
    with_retry,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    CompletionConfig,
    CompletionOutcome,
    Duration,
    InvokeConfig,
    JitterStrategy,
    MapConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
    StepSemantics,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.retries import RetryPresets, RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.serdes import JsonSerDes
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitStrategyConfig, create_wait_strategy

from compatibility.shared import (
    LONGEST_DELAY,
    MOMENT,
    ORDER,
    OVER_256_KIB,
    TOO_LARGE_FOR_A_RESPONSE,
    decline,
    fail_until,
)

Program = Callable[[Any, DurableContext], Any]


def seconds(number: int) -> Duration:
    """A delay. Where time is real, none is longer than the environment says."""
    return Duration.from_seconds(min(number, LONGEST_DELAY))


def retries(max_attempts: int) -> StepConfig:
    config = RetryStrategyConfig(max_attempts, seconds(5), seconds(60), 2, JitterStrategy.NONE)
    return StepConfig(create_retry_strategy(config))


PLAIN = JsonSerDes()
TWO_ATTEMPTS = retries(3)
NO_RETRY = StepConfig(RetryPresets.none())


def then_wait(program: Program) -> Program:
    """The program, and a wait: so each is resumed at least once, after everything that it does."""

    def handler(event: Any, ctx: DurableContext) -> Any:
        result = program(event, ctx)
        ctx.wait(seconds(1), "then")
        return result

    return handler


def give(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def refuse(why: str) -> Callable[..., Any]:
    return lambda *_: decline(why)


def told(batch: BatchResult[Any]) -> dict[str, Any]:
    return {
        "results": batch.get_results(),
        "failed": [[item.index, item.error.message] for item in batch.failed()],
        "reason": batch.completion_reason.value,
        "status": batch.status.value,
    }


# Steps


def values(event: Any, ctx: DurableContext) -> Any:
    return [
        ctx.step(give(None), "none"),
        ctx.step(give("naïve ☃ \n"), "text"),
        ctx.step(give(-7), "number"),
        ctx.step(give(2.5), "fraction"),
        ctx.step(give(True), "truth"),
        ctx.step(give([1, [2, "three"], []]), "list"),
        ctx.step(give("nameless")),
        ctx.step(give(event["given"]), "event"),
    ]


def objects(event: Any, ctx: DurableContext) -> Any:
    order = ctx.step(give(ORDER), "order")
    tagged = ctx.step(give({"t": "s", "v": "no tag"}), "looks tagged")
    return [order, tagged, ctx.step(give([order, {}]), "orders")]


def plain_objects(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        return ctx.step(give(ORDER), "order", StepConfig(serdes=PLAIN))

    return ctx.run_in_child_context(inner, "child", ChildConfig(serdes=PLAIN))


def dates(event: Any, ctx: DurableContext) -> Any:
    began = ctx.step(give(MOMENT), "when")
    return [began.isoformat(), str(ctx.step(give(Decimal("9.90")), "price") + 1)]


def retried_step(event: Any, ctx: DurableContext) -> Any:
    def third_time(step: StepContext) -> int:
        return fail_until(step.attempt, 3)

    return ctx.step(third_time, "flaky", TWO_ATTEMPTS)


def failed_step(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.step(refuse("no funds"), "charge", retries(2))
    except Exception as error:
        return ctx.step(give(str(error)), "apologise")


def builtin_error(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.step(lambda _: int("x"), "parse", NO_RETRY)
    except Exception as error:
        return str(error)


def at_most_once(event: Any, ctx: DurableContext) -> Any:
    return ctx.step(give("paid"), "charge", StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY))


# Waits, callbacks, conditions, invokes


def wait(event: Any, ctx: DurableContext) -> Any:
    ctx.wait(seconds(1), "short")
    ctx.wait(seconds(3600))


def callback(event: Any, ctx: DurableContext) -> Any:
    handle = ctx.create_callback("approval", CallbackConfig(Duration.from_minutes(5), Duration.from_minutes(1)))
    ctx.step(give("asked"), "ask")
    return handle.result()


def refused_callback(event: Any, ctx: DurableContext) -> Any:
    handle = ctx.create_callback("approval")
    try:
        return handle.result()
    except Exception as error:
        return [type(error).__name__, getattr(error, "message", None)]


def expired_callback(event: Any, ctx: DurableContext) -> Any:
    handle = ctx.create_callback("approval", CallbackConfig(seconds(300)))
    try:
        return handle.result()
    except Exception as error:
        return type(error).__name__


def wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    named = ctx.wait_for_callback(give(None), "approval", WaitForCallbackConfig(Duration.from_minutes(5), serdes=PLAIN))
    return [named, ctx.wait_for_callback(give(None), config=WaitForCallbackConfig(serdes=PLAIN))]


def refused_wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    try:
        return ctx.wait_for_callback(give(None), "approval")
    except Exception as error:
        return type(error).__name__


def expired_wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    try:
        return ctx.wait_for_callback(give(None), "approval", WaitForCallbackConfig(seconds(300)))
    except Exception as error:
        return type(error).__name__


def failed_submitter(event: Any, ctx: DurableContext) -> Any:
    config = WaitForCallbackConfig(retry_strategy=RetryPresets.none())
    try:
        return ctx.wait_for_callback(refuse("nobody is there"), "approval", config)
    except Exception as error:
        return type(error).__name__


def polls(max_attempts: int, should_continue: Callable[[Any], bool]) -> Any:
    config = WaitStrategyConfig(should_continue, max_attempts, seconds(5), seconds(300), 2, JitterStrategy.NONE)
    return create_wait_strategy(config)


def condition(event: Any, ctx: DurableContext) -> Any:
    config = WaitForConditionConfig(polls(10, lambda state: state != 3), 0)
    return ctx.wait_for_condition(lambda state, _: state + 1, config, "ready")


def exhausted_condition(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.wait_for_condition(
            lambda state, _: state, WaitForConditionConfig(polls(2, lambda state: not state), 0), "ready"
        )
    except Exception as error:
        return type(error).__name__


def failed_condition(event: Any, ctx: DurableContext) -> Any:
    config = WaitForConditionConfig(polls(2, lambda state: not state), "")
    try:
        ctx.wait_for_condition(refuse("cannot look"), config, "ready")
    except Exception as error:
        return str(error)


def invoke(event: Any, ctx: DurableContext) -> Any:
    return ctx.invoke("prices", {"sku": "tea"}, "price", InvokeConfig(tenant_id="tenant-1"))


def invoke_of_nothing(event: Any, ctx: DurableContext) -> Any:
    ctx.invoke("prices", None, "price")


def refused_invoke(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.invoke("refuses", "tea", "price")
    except Exception as error:
        return [type(error).__name__, getattr(error, "message", None)]


# Child contexts


def child(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        ctx.step(give(1), "in it")
        ctx.wait(seconds(5), "in it too")
        return ctx.step(give([2]), "in it still")

    return [ctx.run_in_child_context(inner, "child"), ctx.step(give(3), "after it")]


def nested_children(event: Any, ctx: DurableContext) -> Any:
    def level(depth: int, ctx: DurableContext) -> Any:
        if depth == 5:
            return ctx.step(give(depth), "deepest")
        return ctx.run_in_child_context(lambda ctx: level(depth + 1, ctx), f"level {depth + 1}")

    return level(0, ctx)


def child_of_failures(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.run_in_child_context(refuse("from the child itself"), "child")
    except Exception as error:
        return str(error)


def child_of_a_failed_step(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        return ctx.step(refuse("no funds"), "charge", NO_RETRY)

    try:
        ctx.run_in_child_context(inner, "child")
    except Exception:
        return "failed"


def virtual_child(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        ctx.step(give(1), "in it")
        ctx.wait(seconds(5), "in it too")
        return ctx.step(give(2), "in it still")

    return [ctx.run_in_child_context(inner, "child", ChildConfig(is_virtual=True)), ctx.step(give(3), "after it")]


def large_child(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        return [ctx.step(give("y"), "in it"), OVER_256_KIB]

    return len(ctx.run_in_child_context(inner, "large"))


def large_in_large(event: Any, ctx: DurableContext) -> Any:
    def inner(ctx: DurableContext) -> Any:
        return [ctx.step(give("y"), "in it"), OVER_256_KIB]

    def outer(ctx: DurableContext) -> Any:
        large = ctx.run_in_child_context(inner, "inner")
        return [*large, ctx.step(give("z"), "beside it")]

    return [text[:1] for text in ctx.run_in_child_context(outer, "outer")]


def retried_block(event: Any, ctx: DurableContext) -> Any:
    def block(ctx: DurableContext, attempt: int) -> Any:
        return fail_until(ctx.step(give(attempt), "attempt"), 3)

    config = WithRetryConfig(TWO_ATTEMPTS.retry_strategy)
    return [with_retry(ctx, block, config, "block"), with_retry(ctx, block, config)]


# Batches


def double(ctx: DurableContext, number: int, *_: Any) -> Any:
    return ctx.step(give(number * 2), "double")


def fail_on_odd(ctx: DurableContext, number: int, *_: Any) -> Any:
    if number % 2:
        decline(f"{number} is odd")
    return ctx.step(give(number), "even")


def slow(ctx: DurableContext) -> Any:
    ctx.wait(seconds(30), "slow")
    return ctx.step(give("slow"), "slow is done")


def quick(ctx: DurableContext) -> Any:
    return ctx.step(give(["quick"]), "quick is done")


def flaky(ctx: DurableContext) -> Any:
    return ctx.step(lambda step: fail_until(step.attempt, 2), "flaky", TWO_ATTEMPTS)


def asks(ctx: DurableContext) -> Any:
    return ctx.create_callback("approval").result()


def parallel(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([quick, slow], "both"))


def flat_parallel(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([quick, slow], "both", ParallelConfig(nesting_type=NestingType.FLAT)))


def named_branches(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([ParallelBranch(quick, "one"), ParallelBranch(slow, "other")]))


def waiting_branches(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([slow, flaky, asks, quick], "all"))


def one_branch(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([quick], "only"))


def failed_branch(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.parallel([quick, refuse("no"), quick], "both", ParallelConfig(max_concurrency=1)))


def parallel_in_child_in_parallel(event: Any, ctx: DurableContext) -> Any:
    def innermost(ctx: DurableContext) -> Any:
        return told(ctx.parallel([quick, slow], "inner"))

    def branch(ctx: DurableContext) -> Any:
        return ctx.run_in_child_context(innermost, "child", ChildConfig(serdes=PLAIN))

    return told(ctx.parallel([branch, quick], "outer", ParallelConfig(item_serdes=PLAIN)))


def map(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 3], double, "each"))


def named_items(event: Any, ctx: DurableContext) -> Any:
    config = MapConfig(item_namer=lambda item, index: f"item {item} at {index}")
    return told(ctx.map([1, 2], double, "each", config))


def empty_map(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([], double, "none"))


def window(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 3, 4], double, "each", MapConfig(max_concurrency=2)))


def flat_map(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 3], double, "each", MapConfig(nesting_type=NestingType.FLAT)))


def one_by_one(completion: CompletionConfig) -> MapConfig:
    return MapConfig(max_concurrency=1, completion_config=completion)


def first_successful(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 4], fail_on_odd, "each", one_by_one(CompletionConfig.first_successful())))


def at_least(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 4, 6], fail_on_odd, "each", one_by_one(CompletionConfig(min_successful=2))))


def at_least_unreached(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2], fail_on_odd, "each", one_by_one(CompletionConfig(min_successful=2))))


def tolerated_failures(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 4], fail_on_odd, "each", one_by_one(CompletionConfig(tolerated_failure_count=1))))


def too_many_failures(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 3, 4], fail_on_odd, "each", one_by_one(CompletionConfig(tolerated_failure_count=1))))


def too_large_a_part(event: Any, ctx: DurableContext) -> Any:
    completion = CompletionConfig(tolerated_failure_percentage=25)
    return told(ctx.map([2, 1, 3, 4], fail_on_odd, "each", one_by_one(completion)))


def all_completed(event: Any, ctx: DurableContext) -> Any:
    return told(ctx.map([1, 2, 3], fail_on_odd, "each", one_by_one(CompletionConfig.all_completed())))


def decided_by_predicate(event: Any, ctx: DurableContext) -> Any:
    completion = CompletionConfig(
        should_complete=lambda status: (
            complete_batch(CompletionOutcome.FAILED) if status.failure_count else continue_batch()
        )
    )
    return told(ctx.map([2, 1, 4], fail_on_odd, "each", one_by_one(completion)))


def large_map(event: Any, ctx: DurableContext) -> Any:
    def grow(ctx: DurableContext, item: int, *_: Any) -> Any:
        return [ctx.step(give(item), "small"), OVER_256_KIB[: 150 * 1024]]

    batch = ctx.map([1, 2, 3], grow, "each", one_by_one(CompletionConfig(min_successful=2)))
    return [[item.index, item.result[0]] for item in batch.succeeded()]


def large_flat_map(event: Any, ctx: DurableContext) -> Any:
    def grow(ctx: DurableContext, item: int, *_: Any) -> Any:
        return [ctx.step(give(item), "small"), OVER_256_KIB[: 150 * 1024]]

    batch = ctx.map([1, 2], grow, "each", MapConfig(nesting_type=NestingType.FLAT))
    return [[item.index, item.result[0]] for item in batch.succeeded()]


# Endings


def large_result(event: Any, ctx: DurableContext) -> Any:
    return TOO_LARGE_FOR_A_RESPONSE


def failure(event: Any, ctx: DurableContext) -> Any:
    ctx.step(give(1), "before")
    decline("the whole of it")


def everything(event: Any, ctx: DurableContext) -> Any:
    def deliver(ctx: DurableContext, line: Any, *_: Any) -> Any:
        ctx.wait(seconds(60), "on its way")
        return ctx.step(give(line["sku"]), "delivered")

    def report(ctx: DurableContext) -> Any:
        return [ctx.step(give(2), "count"), OVER_256_KIB]

    def third_time(step: StepContext) -> int:
        return fail_until(step.attempt, 3)

    order = ctx.step(give(ORDER), "order", StepConfig(serdes=PLAIN))
    attempts = ctx.step(third_time, "reserve", TWO_ATTEMPTS)
    approval = ctx.create_callback("approval")
    answer = approval.result()
    delivered = told(ctx.map(order["lines"], deliver, "deliver", MapConfig(max_concurrency=1)))
    report_length = len(ctx.run_in_child_context(report, "report"))
    branches = told(ctx.parallel([slow, flaky, quick], "rest"))
    return [order["id"], attempts, answer, delivered, report_length, branches]
