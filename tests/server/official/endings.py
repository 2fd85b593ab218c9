"""Programs for the official SDK alone: errors that reach the end of a function, and what the engine has to carry.

The others are those of `compatibility/official.py`, which this package has too.
"""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, StepContext
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    Duration,
    MapConfig,
    ParallelConfig,
    StepConfig,
    StepSemantics,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.exceptions import ExecutionError

from compatibility.official import NO_RETRY, TWO_ATTEMPTS, fail_on_odd, give, refuse, seconds
from compatibility.shared import fail_until

MIB = 1024 * 1024

# Errors that nobody catches


def uncaught_step(event: Any, ctx: DurableContext) -> Any:
    ctx.step(refuse("no funds"), "charge", NO_RETRY)


def uncaught_child(event: Any, ctx: DurableContext) -> Any:
    ctx.run_in_child_context(lambda ctx: ctx.step(refuse("no funds"), "charge", NO_RETRY), "pay")


def uncaught_callback(event: Any, ctx: DurableContext) -> Any:
    ctx.create_callback("approval").result()


def uncaught_wait_for_callback(event: Any, ctx: DurableContext) -> Any:
    ctx.wait_for_callback(give(None), "approval")


def uncaught_invoke(event: Any, ctx: DurableContext) -> Any:
    ctx.invoke("refuses", "tea", "price")


def uncaught_batch(event: Any, ctx: DurableContext) -> Any:
    ctx.map([2, 1, 4], fail_on_odd, "each", MapConfig(max_concurrency=1)).throw_if_error()


def uncaught_builtin(event: Any, ctx: DurableContext) -> Any:
    return {}[event["given"]]


def execution_error(event: Any, ctx: DurableContext) -> Any:
    raise ExecutionError("the function has given up")


def result_that_is_no_json(event: Any, ctx: DurableContext) -> Any:
    return object()


def step_result_that_is_no_json(event: Any, ctx: DurableContext) -> Any:
    return ctx.step(give(object()), "thing")


def changing_code(event: Any, ctx: DurableContext) -> Any:
    """A later invocation calls another step than the first one."""
    ctx.step(give(1), "after" if ctx.is_replaying() else "before")


# What is large


def large_failure(event: Any, ctx: DurableContext) -> Any:
    ctx.step(give(1), "before")
    raise ValueError("x" * (300 * 1024))


def too_large_a_step(event: Any, ctx: DurableContext) -> Any:
    # The start of an at-most-once step is sent by itself. With it, the result would be too large for one batch: the SDK
    # puts such an update aside, and sends it never.
    config = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
    return len(ctx.step(give("x" * 2 * MIB), "report", config))


def history_of_several_pages(event: Any, ctx: DurableContext) -> Any:
    return [len(ctx.step(give("x" * 700_000), f"page {number}")) for number in range(10)]


def too_large_an_invoke(event: Any, ctx: DurableContext) -> Any:
    ctx.invoke("prices", "x" * 2 * MIB, "price")


# The rest


def invoke_of_nobody(event: Any, ctx: DurableContext) -> Any:
    try:
        ctx.invoke("nobody", None, "price")
    except Exception as error:
        return [type(error).__name__, str(error)]


def lapsed_callback(event: Any, ctx: DurableContext) -> Any:
    handle = ctx.create_callback("approval", CallbackConfig(Duration.from_minutes(5), seconds(1)))
    try:
        return handle.result()
    except Exception as error:
        return [type(error).__name__, str(error)]


def empty_callback(event: Any, ctx: DurableContext) -> Any:
    return [ctx.create_callback("approval").result()]


def retried_submitter(event: Any, ctx: DurableContext) -> Any:
    attempt = 2 if ctx.is_replaying() else 1

    def submit(callback_id: str, context: Any) -> None:
        fail_until(attempt, 2)

    return ctx.wait_for_callback(submit, "approval", WaitForCallbackConfig(retry_strategy=TWO_ATTEMPTS.retry_strategy))


def retried_at_most_once(event: Any, ctx: DurableContext) -> Any:
    def second_time(step: StepContext) -> int:
        return fail_until(step.attempt, 2)

    config = StepConfig(TWO_ATTEMPTS.retry_strategy, StepSemantics.AT_MOST_ONCE_PER_RETRY)
    return ctx.step(second_time, "charge", config)


def logged(event: Any, ctx: DurableContext) -> Any:
    ctx.logger.warning("before the step of %s", event["given"])
    ctx.step(lambda step: step.logger.warning("in the step of %s", event["given"]), "logs")
    ctx.logger.warning("after the step of %s", event["given"])


def waits_beside_each_other(event: Any, ctx: DurableContext) -> Any:
    def pauses(number: int) -> Any:
        def branch(ctx: DurableContext) -> int:
            ctx.run_in_child_context(lambda ctx: ctx.wait(seconds(1), f"pause {number}"), "inner", ChildConfig())
            return number

        return branch

    return ctx.parallel([pauses(number) for number in range(3)], "all", ParallelConfig(max_concurrency=3)).get_results()
