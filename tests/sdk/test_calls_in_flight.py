"""Invocations that end while a call to the service is in flight: nothing is left behind, and no answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import BackendError, DurableContext, durable_execution
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.invocation import parse_invocation
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend, invocation


@pytest.fixture
def loop() -> Iterator[InvocationLoop]:
    loop = InvocationLoop()
    yield loop
    loop.close()


async def one(ctx: DurableContext, name: str) -> str:
    return await ctx.step(name, lambda: name)


class SlowBackend(RecordingBackend):
    """Does not answer until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.release = asyncio.Event()

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
        self.asked.set()
        await self.release.wait()
        return answer


def test_a_host_that_cancels_an_invocation_gets_its_call_back_too(loop: InvocationLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    async def cancel() -> None:
        backend = SlowBackend()
        task = asyncio.ensure_future(durable_execution(handler).invoke(parse_invocation(invocation()), backend))
        await backend.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a call is left behind"

    loop.run_until_complete(cancel())


def test_an_execution_that_fails_during_a_call_leaves_nothing_behind(loop: InvocationLoop) -> None:
    async def before(event: Any, ctx: DurableContext) -> str:
        return await one(ctx, "before")

    first = Execution(before)
    first.result()

    async def changed(event: Any, ctx: DurableContext) -> None:
        async def branch() -> None:
            await ctx.wait("pause", 60)

        task = asyncio.ensure_future(branch())
        await backend.asked.wait()
        after_turns(backend.release.set)
        await one(ctx, "after")
        await task

    backend = SlowBackend()

    async def fail() -> Any:
        event = parse_invocation(invocation(None, list(first.backend.operations.values())))
        answer = await durable_execution(changed).invoke(event, backend)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a call is left behind"
        return answer

    answer = loop.run_until_complete(fail())
    assert answer.status == "FAILED"


def test_a_function_that_returns_during_a_call_waits_for_its_answer() -> None:
    class Refusing(RecordingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> CheckpointResponse:
            for _ in range(10):
                await asyncio.sleep(0)
            raise OSError("no route")

    async def handler(event: Any, ctx: DurableContext) -> str:
        ctx.wait("forgotten", 60)
        await asyncio.sleep(0)
        return "done"

    with pytest.raises(BackendError, match="no route"):
        Execution(handler, backend=Refusing()).run()
