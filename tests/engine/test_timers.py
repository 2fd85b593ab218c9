"""Which executions the timers fire for, and when, and which they let go of."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import copy_context
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from durable_lambda.engine import ManualClock
from durable_lambda.engine.timers import LEAST_TO_SWEEP, Timers

YEAR_MS = 366 * 24 * 3600 * 1000


class Execution:
    """As much of one as the timers see."""

    def __init__(self) -> None:
        self.armed: int | None = None


def timers_of(clock: ManualClock, fired: list[Any]) -> Timers:
    loop = asyncio.get_running_loop()
    timers = Timers(loop, copy_context(), clock, fired.append, lambda: False)
    clock.attach(timers.look)
    return timers


def test_an_execution_that_has_ended_is_let_go_of_long_before_it_would_have_timed_out() -> None:
    async def run() -> int:
        clock = ManualClock()
        timers = timers_of(clock, [])
        ended: list[weakref.ref[Execution]] = []
        for _ in range(20 * LEAST_TO_SWEEP):
            execution: Any = Execution()
            timers.arm(execution, clock.now() + YEAR_MS)
            timers.arm(execution, None)
            ended.append(weakref.ref(execution))
        del execution
        gc.collect()
        return sum(each() is not None for each in ended)

    assert asyncio.run(run()) <= LEAST_TO_SWEEP


moments = st.none() | st.integers(1, 50)


@given(st.lists(st.tuples(st.integers(0, 9), moments), max_size=400))
def test_each_execution_is_fired_for_at_its_last_moment_and_at_no_other(arms: list[tuple[int, int | None]]) -> None:
    async def run() -> None:
        clock, fired = ManualClock(start=0), list[Any]()
        timers = timers_of(clock, fired)
        executions: list[Any] = [Execution() for _ in range(10)]
        expected: dict[int, int] = {}
        for number, moment in arms:
            timers.arm(executions[number], None if moment is None else moment * 1000)
            expected.pop(number, None)
            if moment is not None:
                expected[number] = moment
        for second in range(1, 51):
            clock.advance(1)
            for _ in range(3):
                await asyncio.sleep(0)
            due = {number for number, moment in expected.items() if moment == second}
            assert sorted(executions.index(each) for each in fired) == sorted(due)
            fired.clear()
        timers.close()

    asyncio.run(run())
