"""What an engine keeps in memory of its executions, while no garbage collection helps it."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from durable_lambda import DurableContext, SyncDurableContext, durable_execution
from durable_lambda.engine import Execution

PAYLOAD = 2**19


@pytest.fixture(autouse=True)
def without_collections():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def kept_by(work: Callable[[], object]) -> int:
    """Bytes that Python has more after some work, done a second time."""
    work()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def large() -> str:
    return "x" * PAYLOAD


def wait_until_invoked(execution: Execution) -> None:
    """Returns when the first invocation has ended."""
    changed = threading.Event()
    unwatch = execution.watch(changed.set)
    while not any(event.event_type == "InvocationCompleted" for event in execution.history()):
        assert changed.wait(20)
        changed.clear()
    unwatch()


async def finished(event: object, ctx: DurableContext) -> str:
    kept = [await ctx.step(f"step-{number}", large) for number in range(2)]
    return kept[-1]


def finished_in_a_thread(event: object, ctx: SyncDurableContext) -> str:
    kept = [ctx.step(f"step-{number}", large) for number in range(2)]
    return kept[-1]


@pytest.mark.parametrize("function", [finished, finished_in_a_thread])
def test_nothing_of_an_execution_that_has_ended(engine, function):
    engine.register(durable_execution(function), "f")
    assert kept_by(lambda: len(engine.start("f").result())) < PAYLOAD // 2


def test_the_journal_of_an_execution_that_waits_and_nothing_of_its_variables(engine):
    @durable_execution
    async def waits(event: object, ctx: DurableContext) -> None:
        local = ("y" * PAYLOAD, await ctx.step("large", large))
        await ctx.wait("wait", 60)
        assert local

    engine.register(waits, "f")

    def work() -> None:
        wait_until_invoked(engine.start("f"))

    assert kept_by(work) < 1.5 * PAYLOAD
