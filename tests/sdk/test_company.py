"""How long the update of a thread waits for those of other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from durable_lambda.loop import InvocationLoop
from durable_lambda.runtime.company import GAP_SECONDS, PATIENCE, Company
from durable_lambda.runtime.threads import Places


class Scene:
    """An update that waits, on a clock that the test moves, and what happens in its invocation meanwhile."""

    def __init__(self, *, busy_threads: int = 0) -> None:
        self.now = 0.0
        self.updates = 1
        self.places = Places()
        self.is_over = False
        self._timers: list[tuple[float, Callable[[], object]]] = []
        invocation = SimpleNamespace(loop=self, places=self.places, busy_threads=busy_threads)
        self.company = Company(cast("Any", invocation), lambda: self.updates, self._over)

    def _over(self) -> None:
        self.company.stop()
        self.is_over = True

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        timer = self.now + delay, lambda: callback(*args)
        self._timers.append(timer)
        return SimpleNamespace(cancel=lambda: timer in self._timers and self._timers.remove(timer))

    def elapse(self) -> None:
        """Let the next timer come."""
        timer = min(self._timers)
        self._timers.remove(timer)
        self.now = timer[0]
        timer[1]()


def test_nobody_is_expected_when_each_thread_at_work_waits() -> None:
    company = Scene(busy_threads=3).company
    assert company.is_expected(2)
    assert not company.is_expected(3)


def test_it_is_over_when_no_other_thread_gives_a_sign() -> None:
    scene = Scene()
    scene.company.wait()
    scene.elapse()
    assert scene.is_over
    assert scene.now == GAP_SECONDS


@pytest.mark.parametrize("sign", ["an update", "a thread that begins"])
def test_it_goes_on_as_long_as_other_threads_give_signs_but_not_for_ever(sign: str) -> None:
    scene = Scene()
    scene.company.wait()
    while not scene.is_over:
        if sign == "an update":
            scene.updates += 1
        else:
            scene.places.given += 1
        scene.elapse()
    assert PATIENCE <= scene.now < PATIENCE + 2 * GAP_SECONDS


def test_to_wait_once_more_does_not_prolong_it() -> None:
    scene = Scene()
    scene.company.wait()
    scene.now = GAP_SECONDS / 2
    scene.company.wait()
    scene.elapse()
    assert scene.is_over
    assert scene.now == GAP_SECONDS


def test_who_stopped_waiting_hears_nothing() -> None:
    scene = Scene()
    scene.company.wait()
    assert scene.company.is_awaited
    scene.company.stop()
    assert not scene.company.is_awaited
    with pytest.raises(ValueError, match="empty"):
        scene.elapse()
    assert not scene.is_over


@pytest.mark.parametrize("ending", ["takes it", "is cancelled"])
def test_who_is_given_a_place_is_expected_before_it_knows_and_not_afterwards(ending: str) -> None:
    scene = Scene()
    places = scene.places

    async def main() -> None:
        taken = 0
        while (waiting := asyncio.ensure_future(places.take())) and not await begun(waiting):
            taken += 1
        assert taken
        assert not scene.company.is_expected(0)
        places.free()
        assert scene.company.is_expected(0)
        if ending == "is cancelled":
            waiting.cancel()
        await asyncio.wait([waiting])
        assert not scene.company.is_expected(0)

    async def begun(waiting: asyncio.Future[None]) -> bool:
        """Whether it has to wait for its turn."""
        await asyncio.sleep(0)
        return not waiting.done()

    loop = InvocationLoop()
    loop.run_until_complete(main())
    loop.close()
