"""What else asyncio code does around operations: locks, queues, sleeps, async generators, signals, cancelled hosts."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DeserializationError, DurableContext
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.runtime.ids import operation_id


@pytest.fixture
def loop() -> Iterator[InvocationLoop]:
    loop = InvocationLoop()
    yield loop
    loop.close()


async def one(ctx: DurableContext, name: str) -> str:
    return await ctx.step(name, lambda: name)


def test_a_sleep_outside_a_step_is_slept_when_nothing_is_blocked() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        await asyncio.sleep(0.001)
        return await one(ctx, "work")

    assert Execution(handler).result() == "work"


def test_a_lock_between_branches_whose_holder_waits_suspends() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        lock = asyncio.Lock()

        async def branch(name: str) -> str:
            async with lock:
                await ctx.wait(f"pause {name}", 60)
                return await one(ctx, name)

        return await asyncio.gather(branch("a"), branch("b"))

    execution = Execution(handler)
    for _ in range(2):
        execution.suspends()
        execution.elapse()
    assert execution.result() == ["a", "b"]


def test_a_semaphore_bounds_branches() -> None:
    running = most = 0

    async def body() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async def handler(event: Any, ctx: DurableContext) -> None:
        semaphore = asyncio.Semaphore(2)

        async def branch(number: int) -> None:
            async with semaphore:
                await ctx.step(f"step-{number}", body)

        await asyncio.gather(*(branch(number) for number in range(6)))

    Execution(handler).result()
    assert most == 2


def test_a_queue_hands_results_of_operations_from_branch_to_branch() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def produce() -> None:
            for name in ("a", "b"):
                await queue.put(await one(ctx, name))
                await ctx.wait(f"pause {name}", 60)

        async def consume() -> list[str]:
            return [await one(ctx, f"got {await queue.get()}") for _ in range(2)]

        _, got = await asyncio.gather(produce(), consume())
        return got

    execution = Execution(handler)
    for _ in range(2):
        execution.suspends()
        execution.elapse()
    assert execution.result() == ["got a", "got b"]


def test_an_async_generator_may_call_operations() -> None:
    async def names(ctx: DurableContext) -> AsyncIterator[str]:
        for name in ("a", "b"):
            yield await one(ctx, name)

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return [name async for name in names(ctx)]

    execution = Execution(handler)
    assert execution.result() == ["a", "b"]
    assert execution.result() == ["a", "b"]


async def numbers() -> AsyncIterator[int]:
    for number in range(3):
        yield number


def left_in_a_cycle() -> Callable[[], Any]:
    """A function that leaves an async generator behind, which only a garbage collection ends."""

    async def leave() -> None:
        generator = numbers()
        cycle: list[Any] = [generator]
        cycle.append(cycle)
        async for _ in generator:
            break

    return leave


@pytest.fixture
def _no_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collections")
@pytest.mark.parametrize("collect", [False, True])
def test_ids_do_not_depend_on_when_an_async_generator_is_collected(collect: bool) -> None:
    leave = left_in_a_cycle()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await leave()
        if collect:
            gc.collect()
            await asyncio.sleep(0)
        await asyncio.gather(one(ctx, "a"), one(ctx, "b"))

    execution = Execution(handler)
    execution.result()
    assert execution.ids == {"a": operation_id("t1-1"), "b": operation_id("t2-1")}
    gc.collect()


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """SIGINT is a KeyboardInterrupt, also where the test run was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_a_signal_ends_the_invocation_and_the_next_one_works() -> None:
    ended = []

    async def body() -> None:
        asyncio.get_running_loop().call_later(0.001, signal.raise_signal, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("body")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body)

    async def quick(event: Any, ctx: DurableContext) -> str:
        return await one(ctx, "quick")

    with pytest.raises(KeyboardInterrupt):
        Execution(handler).run()
    assert ended == ["body"]
    assert Execution(quick).result() == "quick"


def test_a_codec_that_cannot_read_on_replay_is_an_error_of_the_await() -> None:
    class Codec:
        broken = False

        def encode(self, value: str) -> str:
            return value

        def decode(self, payload: str) -> str:
            if self.broken:
                raise LookupError("the key is gone")
            return payload

    codec = Codec()

    async def handler(event: Any, ctx: DurableContext) -> str:
        operation = ctx.step("work", lambda: "text", codec=codec)
        try:
            return await operation
        except DeserializationError as error:
            return f"caught at the await: {error}"

    execution = Execution(handler)
    assert execution.result() == "text"
    codec.broken = True
    assert execution.result() == (
        "caught at the await: the recorded result of step 'work': LookupError: the key is gone"
    )


def test_an_answer_that_does_not_tell_of_the_operation_suspends() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    execution = Execution(handler)
    execution.backend.answer = lambda _, answer: CheckpointResponse(answer.checkpoint_token)
    execution.suspends()
