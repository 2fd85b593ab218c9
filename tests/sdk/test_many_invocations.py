"""Many invocations on one loop: each suspends, fails and ends for itself, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest

from durable_lambda import DurableContext, durable_execution
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.invocation import InvocationOutput, parse_invocation
from durable_lambda.runtime import process
from recording import RecordingBackend, invocation


@pytest.fixture
def loop() -> Iterator[InvocationLoop]:
    loop = InvocationLoop()
    yield loop
    loop.close()


async def invoke(fn: Any, event: Any = None) -> InvocationOutput:
    handler = durable_execution(fn)
    return await handler.invoke(parse_invocation(invocation(event)), RecordingBackend())


async def blocked(event: Any, ctx: DurableContext) -> None:
    await ctx.wait("pause", 60)


def test_a_blocked_execution_suspends_at_once_beside_a_busy_one(loop: InvocationLoop) -> None:
    release = asyncio.Event()

    async def busy(event: Any, ctx: DurableContext) -> str:
        await ctx.step("held", release.wait)
        return "done"

    async def both() -> list[str]:
        one_busy = asyncio.ensure_future(invoke(busy))
        answer = await invoke(blocked)
        assert not one_busy.done()
        release.set()
        return [answer.status, (await one_busy).status]

    assert loop.run_until_complete(both()) == ["PENDING", "SUCCEEDED"]


def test_a_blocked_execution_suspends_at_once_beside_one_that_never_stops_turning(loop: InvocationLoop) -> None:
    stop = False

    async def turn() -> None:
        while not stop:  # noqa: ASYNC110  # turning is what it is for
            await asyncio.sleep(0)

    async def busy(event: Any, ctx: DurableContext) -> None:
        await ctx.step("turning", turn)

    async def both() -> list[str]:
        nonlocal stop
        one_busy = asyncio.ensure_future(invoke(busy))
        answer = await invoke(blocked)
        stop = True
        return [answer.status, (await one_busy).status]

    assert loop.run_until_complete(both()) == ["PENDING", "SUCCEEDED"]


def test_a_thousand_executions_suspend_on_one_loop(loop: InvocationLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", asyncio.sleep, 0)
        await ctx.wait("pause", 60)

    async def all_of_them() -> set[str]:
        return {answer.status for answer in await asyncio.gather(*(invoke(handler) for _ in range(1000)))}

    assert loop.run_until_complete(all_of_them()) == {"PENDING"}


def test_a_loop_that_is_slow_to_turn_leaves_no_invocation_behind(
    loop: InvocationLoop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unwind_seconds = 0.001
    monkeypatch.setattr("durable_lambda.runtime.invocation.UNWIND_SECONDS", unwind_seconds)

    def others() -> None:
        ends_at = time.monotonic() + 2 * unwind_seconds
        while time.monotonic() < ends_at:
            """Thousands of executions take their turns."""
        loop.call_soon(others, context=Context())

    async def nested(event: Any, ctx: DurableContext) -> None:
        async def child(ctx: DurableContext) -> None:
            await blocked(event, ctx)

        await ctx.run_in_child_context("child", child)

    loop.call_soon(others, context=Context())
    assert loop.run_until_complete(invoke(nested)).status == "PENDING"
    assert not caplog.records


def test_one_that_fails_leaves_the_others_alone(loop: InvocationLoop) -> None:
    async def fails(event: Any, ctx: DurableContext) -> None:
        raise ValueError("no")

    async def works(event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", lambda: "done")

    async def both() -> list[str]:
        return [answer.status for answer in await asyncio.gather(invoke(fails), invoke(works), invoke(blocked))]

    assert loop.run_until_complete(both()) == ["FAILED", "SUCCEEDED", "PENDING"]


def test_an_invocation_that_its_host_cancels_ends_with_its_bodies(loop: InvocationLoop) -> None:
    ended = []

    async def body(started: asyncio.Event) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("body")

    async def cancel() -> None:
        started = asyncio.Event()

        async def handler(event: Any, ctx: DurableContext) -> None:
            await ctx.step("body", body, started)

        task = asyncio.ensure_future(invoke(handler))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loop.run_until_complete(cancel())
    assert ended == ["body"]


def test_invocations_leave_no_tasks_on_the_loop(loop: InvocationLoop) -> None:
    async def forgetful(event: Any, ctx: DurableContext) -> None:
        ctx.wait("forgotten", 60)
        background = asyncio.ensure_future(asyncio.Event().wait())
        await asyncio.gather(ctx.wait("pause", 60), ctx.create_callback("approval"))
        assert not background.done()

    async def returns(event: Any, ctx: DurableContext) -> None:
        ctx.step("forgotten", asyncio.Event().wait)
        await ctx.step("work", str)

    async def several() -> None:
        for fn in (forgetful, blocked, returns, forgetful):
            await invoke(fn)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    loop.run_until_complete(several())


def test_warm_invocations_use_one_loop_and_leave_no_tasks() -> None:
    loops = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        loops.append(asyncio.get_running_loop())
        ctx.wait("forgotten", 60)
        await ctx.wait("pause", 60)

    warm = durable_execution(backend=RecordingBackend())(handler)
    warm(invocation(), None)
    left_by_others = asyncio.all_tasks(loops[0])  # the loop is the process's: other tests have tasks that never end
    for _ in range(5):
        assert warm(invocation(), None) == {"Status": "PENDING"}
    assert len(set(loops)) == 1
    assert asyncio.all_tasks(loops[0]) - left_by_others == set()


def test_threads_that_invoke_at_the_same_time_all_get_their_answers() -> None:
    barrier = threading.Barrier(4)
    answers: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> int:
        return await ctx.step("work", lambda: event * 2)

    warm = durable_execution(backend=RecordingBackend())(handler)

    def call(number: int) -> None:
        barrier.wait(10)
        answers.append((number, warm(invocation(number), None)["Result"]))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(answers) == [(number, str(number * 2)) for number in range(4)]


def test_a_running_loop_is_not_borrowed() -> None:
    loops = []

    async def handler(event: Any, ctx: DurableContext) -> str:
        loops.append(asyncio.get_running_loop())
        return await ctx.step("work", lambda: "done")

    warm = durable_execution(backend=RecordingBackend())(handler)

    async def from_a_loop() -> Any:
        loops.append(asyncio.get_running_loop())
        return warm(invocation(), None)

    assert asyncio.run(from_a_loop()) == {"Status": "SUCCEEDED", "Result": '"done"'}
    assert loops[0] is not loops[1]


def test_an_invocation_on_a_foreign_loop_is_refused() -> None:
    with pytest.raises(RuntimeError, match="InvocationLoop"):
        asyncio.run(invoke(blocked))


def test_a_coroutine_that_is_run_by_the_process_may_raise() -> None:
    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        process.run(fail())
