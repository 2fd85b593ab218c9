"""The test of a function with one step, as a test suite would run it: a test runner, made anew each time.

And a workflow whose waits take a year and whose step is tried again a hundred times, in virtual time. The official
library skips waits as well, by its default; the async peer's runner lets them pass in real time, and has no figure.

Beside it an engine in memory, which a test may use as well, and its floor: what such an engine is made of, a thread
with a loop and a database in memory with its tables.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from benchmarks.figures import Line, Measured, Probe, Results, within

TITLE = "Test of a function with one step"

_SUBJECTS = ("ours", "official_runner", "async_peer", "bare")
_TESTS = 100
_WARM_UP = 5


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 2 if quick else 5) for subject in _SUBJECTS]


def measure(subject: str) -> Measured:
    tests = {"ours": _ours, "official_runner": _official, "async_peer": _async_peer, "bare": lambda: _floor}
    test = tests[subject]()
    samples: list[float] = []
    for number in range(_WARM_UP + _TESTS):
        began = perf_counter()
        result = test()
        took = perf_counter() - began
        assert result == 3, result
        if number >= _WARM_UP:
            samples.append(took)
    measured: Measured = {"seconds": samples}
    if subject == "ours":
        measured |= _on_engines() | {"year": _of_a_year(_year(), 15)}
    elif subject == "official_runner":
        measured["year"] = _of_a_year(_official_year(), 1)  # it takes seconds
    return measured


def _floor() -> int:
    """A thread with a loop and a database in memory; nothing is done with them."""
    tables: list[int] = []

    async def main() -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for number in range(5):
            connection.execute(f"CREATE TABLE t{number} (key INTEGER PRIMARY KEY, value BLOB NOT NULL)")
        tables.append(connection.execute("SELECT count(*) - 2 FROM sqlite_master").fetchone()[0])
        connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    return tables[0]


async def _three() -> int:
    return 3


def _handler() -> Any:
    from durable_lambda import DurableContext, durable_execution

    @durable_execution
    async def handler(event: int, ctx: DurableContext) -> int:
        return await ctx.step("three", _three)

    return handler


def _ours() -> Callable[[], Any]:
    from durable_lambda.testing import DurableTestRunner

    handler = _handler()
    return lambda: DurableTestRunner(handler).run(1).result


def _of_a_year(test: Callable[[], Any], times: int) -> list[float]:
    """A third of the runs are for warming up."""
    samples: list[float] = []
    for _ in range(times):
        began = perf_counter()
        result = test()
        samples.append(perf_counter() - began)
        assert result == 3, result
    return samples[times // 3 :]


def _year() -> Callable[[], Any]:
    from datetime import timedelta

    from durable_lambda import DurableContext, Retry, current_step, durable_execution
    from durable_lambda.testing import DurableTestRunner

    async def flaky() -> int:
        if current_step().attempt <= 100:
            raise OSError("not yet")
        return 3

    @durable_execution
    async def patient(event: int, ctx: DurableContext) -> int:
        for month in range(12):
            await ctx.wait(f"month {month}", timedelta(days=30))
        return await ctx.step("flaky", flaky, retry=Retry(max_attempts=101, initial_delay=60))

    return lambda: DurableTestRunner(patient).run(1).result


def _official() -> Callable[[], Any]:
    from aws_durable_execution_sdk_python import durable_execution

    @durable_execution
    def handler(event: int, context: Any) -> int:
        return context.step(lambda _: 3, name="three")

    return lambda: _run_official(handler)


def _official_year() -> Callable[[], Any]:
    from aws_durable_execution_sdk_python import durable_execution
    from aws_durable_execution_sdk_python.config import Duration, StepConfig
    from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

    left: list[int] = []
    retries = create_retry_strategy(RetryStrategyConfig(max_attempts=101, initial_delay=Duration.from_seconds(60)))

    def flaky(_: Any) -> int:
        if left:
            left.pop()
            raise OSError("not yet")
        return 3

    @durable_execution
    def patient(event: int, context: Any) -> int:
        for month in range(12):
            context.wait(Duration.from_days(30), name=f"month {month}")
        return context.step(flaky, name="flaky", config=StepConfig(retry_strategy=retries))

    def test() -> Any:
        left[:] = [0] * 100
        return _run_official(patient)

    return test


def _run_official(handler: Any) -> Any:
    import json

    from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

    with DurableFunctionTestRunner(handler=handler, execution_timeout=31_622_400) as runner:
        return json.loads(runner.run(input="1").result)


def _on_engines() -> Measured:
    from durable_lambda.engine import Engine

    handler = _handler()
    fresh: list[float] = []
    opened: list[float] = []
    with Engine(":memory:") as open_engine:
        open_engine.register(handler)
        for _ in range(_WARM_UP + _TESTS):
            began = perf_counter()
            open_engine.start("handler", 1).result(timeout=10)
            opened.append(perf_counter() - began)
            began = perf_counter()
            with Engine(":memory:") as engine:
                engine.register(handler)
                engine.start("handler", 1).result(timeout=10)
            fresh.append(perf_counter() - began)
    return {"fresh_engine": fresh[_WARM_UP:], "open_engine": opened[_WARM_UP:]}


def _async_peer() -> Callable[[], Any]:
    import json

    from async_durable_execution import create_local_runner, durable_execution, step

    @durable_execution
    async def handler(event: int) -> int:
        return await step(partial(_three), name="three")

    async def run() -> Any:
        async with create_local_runner(handler=handler, input="1", timeout=10) as runner:
            return json.loads((await runner.run()).result)

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(run())


def lines(results: Results) -> list[Line]:
    figures = results.medians("seconds", ("ours", "async_peer"), 1e3)
    figures["official"] = results.median("official_runner", "seconds", 1e3)
    engine = {**results.medians("fresh_engine", ["ours"], 1e3), **results.medians("seconds", ["bare"], 1e3)}
    year = {
        "ours": results.median("ours", "year", 1e3),
        "official": results.median("official_runner", "year", 1e3),
    }
    return [
        Line(
            "a test runner made anew: run, result",
            "ms",
            figures,
            "≤ 1 ms",
            within(figures["ours"], 1),
            results.noise("ours", "seconds"),
        ),
        Line(
            "… a year of waits and 100 retries",
            "ms",
            year,
            "≤ 50 ms",
            within(year["ours"], 50),
            results.noise("ours", "year"),
        ),
        Line("… a fresh engine in memory: open, start, result, close", "ms", engine),
        Line("… on an engine that is open: start, result", "ms", results.medians("open_engine", ["ours"], 1e3)),
    ]
