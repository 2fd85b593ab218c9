"""A hook that misbehaves: it never harms the function, and is told of once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    DurableContext,
    Hooks,
    InvocationEnd,
    InvocationStart,
    OperationEnd,
    OperationStart,
    Suspended,
    ValidationError,
    durable_execution,
)
from durable_lambda.runtime.hook_set import EVENTS
from hooked import Recorder

LOGGER = "durable_lambda"


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this package has logged: asyncio may have something to say of what an earlier test has left."""
    return [record for record in caplog.records if record.name == LOGGER]


async def two_steps(event: Any, ctx: DurableContext) -> str:
    await ctx.step("first", str)
    return await ctx.step("second", str, "done")


class Raising(Hooks):
    """Raises in every method."""

    def __init__(self, error: BaseException) -> None:
        def fail(info: Any) -> None:
            raise error

        for event in EVENTS:
            setattr(self, event, fail)


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), asyncio.CancelledError(), Suspended("no", code="NO"), BaseExceptionGroup("no", [ValueError()])],
    ids=lambda error: type(error).__name__,
)
def test_a_hook_that_raises_harms_nothing(error: BaseException) -> None:
    plain = Execution(two_steps)
    assert plain.result() == "done"
    execution = Execution(two_steps, hooks=Raising(error))
    assert execution.result() == "done"
    assert execution.calls == plain.calls
    assert execution.result() == "done"


def test_it_is_logged_once_for_each_method_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Hooks):
        def on_operation_start(self, info: OperationStart) -> None:
            raise ValueError("in the start")

        def on_operation_end(self, info: OperationEnd) -> None:
            raise ValueError("in the end")

    Execution(two_steps, hooks=Broken()).result()
    first, second = logged = ours(caplog)
    assert [record.levelno for record in logged] == [logging.ERROR] * 2
    assert first.message.startswith("on_operation_start of hook ")
    assert "Broken raised" in first.message
    assert second.message.startswith("on_operation_end of hook ")
    assert first.exc_info is not None
    assert str(first.exc_info[1]) == "in the start"


def test_other_hooks_are_told_all_the_same() -> None:
    recorder = Recorder()
    Execution(two_steps, hooks=[Raising(ValueError("no")), recorder, Raising(ValueError("no"))]).result()
    assert len(recorder.lines()) == 10


def test_the_end_is_told_even_when_the_start_has_raised() -> None:
    told: list[str] = []

    class Broken(Hooks):
        def on_invocation_start(self, info: InvocationStart) -> None:
            raise ValueError("no")

        def on_invocation_end(self, info: InvocationEnd) -> None:
            told.append(info.outcome)

    Execution(two_steps, hooks=Broken()).result()
    assert told == ["SUCCEEDED"]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_asks_the_process_to_end_passes(event: str, error: type[BaseException]) -> None:
    class Interrupted(Hooks):
        def __init__(self) -> None:
            setattr(self, event, self.interrupt)

        def interrupt(self, info: Any) -> None:
            raise error

    with pytest.raises(error):
        Execution(two_steps, hooks=Interrupted()).run()
    assert Execution(two_steps).result() == "done"  # the loop of this process is as good as before


def test_a_hook_cannot_call_operations(caplog: pytest.LogCaptureFixture) -> None:
    contexts: list[DurableContext] = []

    class Meddling(Hooks):
        def on_operation_end(self, info: OperationEnd) -> None:
            contexts[0].step("meddled", str)

    async def handler(event: Any, ctx: DurableContext) -> str:
        contexts.append(ctx)
        return await two_steps(event, ctx)

    execution = Execution(handler, hooks=Meddling())
    assert execution.result() == "done"
    assert set(execution.ids) == {"first", "second"}
    [record] = ours(caplog)
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValidationError)


def test_a_task_that_a_hook_creates_takes_no_ids_and_keeps_no_invocation_awake() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def linger() -> None:
        await asyncio.Event().wait()

    class Starting(Hooks):
        def on_operation_start(self, info: OperationStart) -> None:
            tasks.append(asyncio.get_running_loop().create_task(linger()))

    async def branch(ctx: DurableContext, name: str) -> None:
        await ctx.step(f"{name}1", str)
        await ctx.wait(f"{name}2", 60)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("first", str)
        await asyncio.gather(branch(ctx, "a"), branch(ctx, "b"))

    plain, hooked = Execution(handler), Execution(handler, hooks=Starting())
    plain.suspends()
    hooked.suspends()
    assert hooked.ids == plain.ids
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    Execution(two_steps).result()  # lets them end


# What may be given


@pytest.mark.parametrize("wrong", [print, "hooks", 7, [7], Recorder, [Recorder]], ids=repr)
def test_what_are_no_hooks_is_refused_at_decoration(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="hooks= takes"):
        durable_execution(hooks=wrong)(two_steps)


def test_an_async_method_is_refused_at_decoration() -> None:
    class Waits(Hooks):
        async def on_operation_end(self, info: OperationEnd) -> None: ...  # type: ignore[override]

    with pytest.raises(ValidationError, match=r"Waits\.on_operation_end must be a plain `def`"):
        durable_execution(hooks=Waits())(two_steps)
