"""A cancellation that comes while the operation's own update is on its way: code and history agree all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from drive import Execution, after_turns
from durable_lambda import DurableContext
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend


class HoldingBackend(RecordingBackend):
    """Takes its time over the first call that has an update of this kind."""

    def __init__(self, name: str, action: str) -> None:
        super().__init__()
        self.held = (name, action)
        self.in_flight = asyncio.Event()

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
        if self.held in [(update.name, update.action) for update in updates] and not self.in_flight.is_set():
            released = asyncio.Event()
            self.in_flight.set()
            after_turns(released.set)
            await released.wait()
        return answer


async def child(ctx: DurableContext) -> str:
    return "child"


OPERATIONS = {
    "wait": lambda ctx: ctx.wait("raced", 60),
    "step": lambda ctx: ctx.step("raced", lambda: "step", inline=True),
    "child": lambda ctx: ctx.run_in_child_context("raced", child),
    "callback": lambda ctx: ctx.create_callback("raced"),
}


@pytest.mark.parametrize(
    ("operation", "action"),
    [("wait", "START"), ("step", "START"), ("step", "SUCCEED"), ("child", "SUCCEED"), ("callback", "START")],
)
def test_the_code_sees_on_replay_what_it_saw_first(operation: str, action: str) -> None:
    backend = HoldingBackend("raced", action)
    seen: list[str] = []

    async def handler(event: Any, ctx: DurableContext) -> str:
        async def raced() -> str:
            await OPERATIONS[operation](ctx)
            return "done"

        task = asyncio.ensure_future(raced())
        if not seen:
            await backend.in_flight.wait()  # in a replay it does not come to it: there it is over before
        else:
            for _ in range(10):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        seen.append("cancelled" if task.cancelled() else task.result())
        await ctx.wait("pause", 60)
        return seen[-1]

    execution = Execution(handler, backend=backend, start_delay=0)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("fails", [False, True])
def test_an_outcome_that_nobody_has_looked_at_yet_is_not_lost_to_a_cancellation(fails: bool) -> None:
    def body() -> str:
        if fails:
            raise KeyError("lost")
        return "kept"

    seen: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        operation = ctx.step("raced", body, retry=0, inline=True)

        async def look() -> None:
            try:
                outcome: Any = await operation
            except KeyError as error:
                outcome = repr(error)
            seen.append(outcome)
            await asyncio.sleep(0)
            seen.append("not cancelled")

        task = asyncio.ensure_future(look())
        if operation.task is not None:  # its outcome is stored, and its task done, a moment before the other one wakes
            operation.task.add_done_callback(lambda _: task.cancel())
        else:
            asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait([task])
        assert task.cancelled()

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert seen == [repr(KeyError("lost")) if fails else "kept"] * 2
