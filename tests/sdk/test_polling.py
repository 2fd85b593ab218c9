"""News that arrive while one branch works and another waits: asked for in time or pushed, and resumed at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from drive import Execution, JumpingLoop
from durable_lambda import DurableContext, Retry
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import OperationUpdate
from recording import NOW, PushingBackend, RecordingBackend


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[JumpingLoop]:
    """A loop on which time passes at once, for the poller too."""
    loop = JumpingLoop()
    clock = SimpleNamespace(time=lambda: NOW / 1000 + loop.now)
    monkeypatch.setattr("durable_lambda.runtime.poller.time", clock)
    yield loop
    loop.close()


class PolledBackend(RecordingBackend):
    """Notes when it was asked; `due` are changes that it tells from a moment on."""

    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self.loop = loop
        self.polls: list[float] = []
        self.due: list[tuple[float, Any]] = []

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Any, client_token: str | None = None
    ) -> CheckpointResponse:
        if not updates:
            self.polls.append(self.loop.now)
        for moment, change in list(self.due):
            if moment <= self.loop.now:
                self.due.remove((moment, change))
                self.news.append(change())
        return await super().checkpoint(arn, checkpoint_token, updates, client_token)


async def work(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "worked"


def works_beside_a_callback(seconds: float) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def answered() -> Any:
            answer = await ctx.callback_result(await ctx.create_callback("approval"))
            return [answer, asyncio.get_running_loop().time()]

        return await asyncio.gather(ctx.step("work", work, seconds), answered())

    return handler


def test_a_callback_is_asked_about_ever_more_seldom(loop: JumpingLoop) -> None:
    backend = PolledBackend(loop)
    Execution(works_beside_a_callback(60), backend=backend, loop=loop).suspends()
    gaps = [later - earlier for earlier, later in zip([0.0, *backend.polls], backend.polls, strict=False)]
    assert gaps[0] == pytest.approx(1)
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(10)
    assert max(gaps) <= 10.001
    assert len(gaps) < 13


def test_a_callback_is_not_asked_about_when_nothing_works(loop: JumpingLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.callback_result(await ctx.create_callback("approval"))

    backend = PolledBackend(loop)
    Execution(handler, backend=backend, loop=loop).suspends()
    assert backend.polls == []
    assert loop.now == 0


def test_an_answer_resumes_its_branch_in_the_invocation_that_learns_it(loop: JumpingLoop) -> None:
    backend = PolledBackend(loop)
    execution = Execution(works_beside_a_callback(60), backend=backend, loop=loop)

    def answer() -> Any:
        return execution.complete("approval", "SUCCEEDED", result='"yes"')

    backend.due.append((3.0, answer))
    worked, (answered, moment) = execution.result()
    assert (worked, answered) == ("worked", "yes")
    assert 3 <= moment < 6


@pytest.mark.parametrize("seconds", [5, 30, 300])
def test_a_wait_is_asked_about_when_it_is_due_and_not_before(loop: JumpingLoop, seconds: int) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def pause() -> float:
            await ctx.wait("pause", seconds)
            return asyncio.get_running_loop().time()

        return await asyncio.gather(ctx.step("work", work, 1000), pause())

    backend = PolledBackend(loop)
    execution = Execution(handler, backend=backend, loop=loop)
    backend.due.append((seconds, lambda: execution.change("pause", status="SUCCEEDED")))
    _, moment = execution.result()
    assert backend.polls == [pytest.approx(seconds, abs=0.1)]
    assert moment == pytest.approx(seconds, abs=0.1)


def test_a_wait_that_begins_later_and_ends_earlier_is_asked_about_in_its_time(loop: JumpingLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def later() -> float:
            await ctx.step("before", work, 10)
            await ctx.wait("short", 5)
            return asyncio.get_running_loop().time()

        _, moment, _ = await asyncio.gather(ctx.step("work", work, 1000), later(), ctx.wait("long", 500))
        return moment

    backend = PolledBackend(loop)
    execution = Execution(handler, backend=backend, loop=loop)
    backend.due.append((10.005, lambda: execution.change("short", status="SUCCEEDED")))  # counted from the first moment
    backend.due.append((500.0, lambda: execution.change("long", status="SUCCEEDED")))
    assert execution.result() == pytest.approx(10, abs=1)


def test_a_callback_that_is_made_later_is_asked_about_before_a_long_wait_is_over(loop: JumpingLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def later() -> float:
            await ctx.step("before", work, 10)
            await ctx.callback_result(await ctx.create_callback("approval"))
            return asyncio.get_running_loop().time()

        _, moment, _ = await asyncio.gather(ctx.step("work", work, 1000), later(), ctx.wait("long", 500))
        return moment

    backend = PolledBackend(loop)
    execution = Execution(handler, backend=backend, loop=loop)
    backend.due.append((12.0, lambda: execution.complete("approval", "SUCCEEDED")))
    backend.due.append((500.0, lambda: execution.change("long", status="SUCCEEDED")))
    assert execution.result() < 25


def test_a_retry_that_is_due_runs_in_the_same_invocation(loop: JumpingLoop) -> None:
    attempts: list[float] = []

    async def flaky() -> str:
        attempts.append(asyncio.get_running_loop().time())
        if len(attempts) == 1:
            raise ConnectionError("not yet")
        return "connected"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        flaky_step = ctx.step("flaky", flaky, retry=Retry.fixed(4))
        return await asyncio.gather(ctx.step("work", work, 100), flaky_step)

    backend = PolledBackend(loop)
    execution = Execution(handler, backend=backend, loop=loop)
    backend.due.append((4.0, lambda: execution.change("flaky", status="READY")))
    assert execution.result() == ["worked", "connected"]
    assert attempts == [0, pytest.approx(4, abs=0.1)]


def test_a_service_whose_clock_is_behind_is_asked_again(loop: JumpingLoop) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await asyncio.gather(ctx.step("work", work, 100), ctx.wait("pause", 5))

    backend = PolledBackend(loop)
    execution = Execution(handler, backend=backend, loop=loop)
    backend.due.append((7.0, lambda: execution.change("pause", status="SUCCEEDED")))
    assert execution.result() == ["worked", None]
    assert 2 <= len(backend.polls) < 6


def test_a_poll_is_an_empty_checkpoint_that_spends_the_token(loop: JumpingLoop) -> None:
    backend = PolledBackend(loop)
    Execution(works_beside_a_callback(4), backend=backend, loop=loop).suspends()
    assert [] in backend.calls
    assert backend.tokens == [f"token-{number}" for number in range(len(backend.calls))]


def test_a_backend_that_pushes_is_not_polled(loop: JumpingLoop) -> None:
    backend = PushingBackend()
    Execution(works_beside_a_callback(60), backend=backend, loop=loop).suspends()
    assert [] not in backend.calls


def test_a_push_resumes_a_branch_in_the_same_invocation(loop: JumpingLoop) -> None:
    backend = PushingBackend()
    execution = Execution(works_beside_a_callback(60), backend=backend, loop=loop)

    def answer(updates: list[OperationUpdate], response: CheckpointResponse) -> CheckpointResponse:
        if any(update.type == "CALLBACK" for update in updates):
            push = lambda: backend.push(execution.complete("approval", "SUCCEEDED", result='"yes"'))  # noqa: E731
            loop.call_later(2.5, push)
        return response

    backend.answer = answer
    worked, (answered, moment) = execution.result()
    assert (worked, answered) == ("worked", "yes")
    assert moment == pytest.approx(2.5)


def test_a_push_during_a_call_is_followed_by_another_call(loop: JumpingLoop) -> None:
    """What changed while the service was answering may not be in the answer."""

    class SlowBackend(PushingBackend):
        async def checkpoint(
            self, arn: str, checkpoint_token: str, updates: Any, client_token: str | None = None
        ) -> CheckpointResponse:
            answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
            if any(update.name == "work" for update in updates):
                self.push(execution.complete("approval", "SUCCEEDED", result='"yes"'))
                await asyncio.sleep(1)
            return answer

    execution = Execution(works_beside_a_callback(5), backend=SlowBackend(), loop=loop)
    worked, (answered, moment) = execution.result()
    assert (worked, answered) == ("worked", "yes")
    assert moment < 5


def test_nothing_is_pushed_to_an_invocation_that_has_ended(loop: JumpingLoop) -> None:
    backend = PushingBackend()
    execution = Execution(works_beside_a_callback(1), backend=backend, loop=loop)
    execution.suspends()
    assert backend.is_watched is False
