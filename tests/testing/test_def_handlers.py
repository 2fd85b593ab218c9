"""The kit with `def` handlers: the same runner, replay at every operation, crashes and histories."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from durable_lambda import DurableHandler, Retry, SyncDurableContext, current_step, durable_execution
from durable_lambda.testing import DurableTestRunner, explore_crashes, replay

ran: Counter[str] = Counter()


def body(name: str) -> str:
    ran[name] += 1
    return name


def flaky() -> int:
    if current_step().attempt < 3:
        raise OSError("not yet")
    return current_step().attempt


def branch(name: str, ctx: SyncDurableContext) -> str:
    ctx.wait("pause", 3600)
    return ctx.step(name, body, name)


@durable_execution
def order(event: str, ctx: SyncDurableContext) -> list[Any]:
    ran["handler"] += 1
    first = ctx.step("first", body, event)
    mapped = ctx.map("map", ["a", "b"], branch)
    handle = ctx.create_callback("approval")
    answer = ctx.callback_result(handle, str)
    retried = ctx.step("flaky", flaky, retry=Retry.fixed(60))
    child = ctx.run_in_child_context("child", lambda c: branch("child", c))
    return [first, mapped.results(), answer, retried, child, str(ctx.now())[:10]]


def run(**options: Any):
    ran.clear()
    run = DurableTestRunner(order, **options).start("event")
    run.send_callback_success("approval", "yes")
    return run.run()


def test_a_def_handler_runs_in_virtual_time() -> None:
    began = time.perf_counter()

    assert run().result == ["event", ["a", "b"], "yes", 3, "child", "2025-01-01"]
    assert time.perf_counter() - began < 5


def test_a_def_handler_is_replayed_at_every_operation() -> None:
    plain, plain_ran = run(), Counter(ran)
    replayed, replayed_ran = run(always_replay=True), Counter(ran)

    assert replayed.result == plain.result
    assert replayed.now == plain.now
    assert replayed_ran.pop("handler") > 10 > plain_ran.pop("handler")
    assert replayed_ran == plain_ran


def test_a_step_of_a_def_handler_is_stubbed() -> None:
    run = DurableTestRunner(order).stub_step("first", OSError("no"), "stubbed").start("event")
    run.send_callback_success("approval", "yes")

    assert run.run().result[0] == "stubbed"


def test_a_def_handler_survives_every_crash() -> None:
    report = explore_crashes(order, "event", answer={"approval": "yes"}, orders=1)

    assert report.is_complete
    assert {each.step for each in report.repeated} >= {"step 'first'", "step 'flaky'"}


def test_a_history_of_a_def_handler_replays_without_running_a_body() -> None:
    history = run().history
    ran.clear()

    for length in range(1, len(history) + 1):
        assert replay(order, history[:length]).ok
    assert set(ran) == {"handler"}


def test_a_handler_of_a_class_is_a_handler() -> None:
    class Orders(DurableHandler):
        async def handle(self, event: int, ctx: Any) -> int:
            return await ctx.step("double", double, event)

    async def double(number: int) -> int:
        return number * 2

    assert DurableTestRunner(Orders()).run(4).result == 8
