"""durable-lambda's engine and SDK together, in one process."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from time import perf_counter

from benchmarks.subjects import Load
from durable_lambda import DurableContext, durable_execution
from durable_lambda.engine import Engine


async def body(number: int) -> int:
    return number


def run_load(path: str, executions: int, steps: int, between: Callable[[], float] | None = None) -> Load:
    """Run executions of so many steps, all at once. `between` is called after each step."""
    load = Load(0.0, [[] for _ in range(executions)])

    @durable_execution
    async def handler(event: int, ctx: DurableContext) -> int:
        laps = load.laps[event]
        for number in range(steps):
            since = perf_counter()
            await ctx.step(f"step-{number}", body, number)
            laps.append(perf_counter() - since)
            if between is not None:
                load.between.append(between())
        return steps

    async def run(engine: Engine) -> None:
        started = await asyncio.gather(*(engine.astart("load", number) for number in range(executions)))
        results = await asyncio.gather(*(execution.aresult() for execution in started))
        assert results == [steps] * executions

    with Engine(path) as engine:
        engine.register(handler, name="load")
        began = perf_counter()
        asyncio.run(run(engine))
        load.seconds = perf_counter() - began
    if path != ":memory:":
        load.row_bytes = _mean_row(path)
    return load


def _mean_row(path: str) -> int:
    connection = sqlite3.connect(path)
    try:
        return round(connection.execute("SELECT avg(length(entry)) FROM log").fetchone()[0])
    finally:
        connection.close()


class Held:
    """Executions of which each does some steps, and then one that does not end before it is told to."""

    def __init__(self, path: str, executions: int, steps: int, effect: Callable[[str], None]) -> None:
        self._path = path
        self._executions = executions
        self._steps = steps
        self._effect = effect
        self._entered = 0
        self._all_in = threading.Event()
        self._release = asyncio.Event()

    def hold(self) -> None:
        """Start them; returns when each is in its last step. The engine stays open: it is to be killed."""
        engine = self._open()

        async def start() -> None:
            await asyncio.gather(*(engine.astart("held", number) for number in range(self._executions)))

        asyncio.run(start())
        self._all_in.wait()

    def resume(self) -> float:
        """Open the file again; the seconds until each is in its last step once more. Then let them end."""
        began = perf_counter()
        engine = self._open()
        if not self._all_in.wait(60):
            raise TimeoutError(f"only {self._entered} executions were resumed")
        took = perf_counter() - began
        self._loop.call_soon_threadsafe(self._release.set)
        for execution in engine.executions(limit=self._executions):
            assert execution.result(timeout=60) == self._steps
        engine.close()
        return took

    def _open(self) -> Engine:
        @durable_execution
        async def handler(event: int, ctx: DurableContext) -> int:
            for number in range(self._steps):
                await ctx.step(f"step-{number}", self._step, event, number)
            await ctx.step("last", self._last)
            return self._steps

        engine = Engine(self._path)
        engine.register(handler, name="held")
        return engine

    async def _step(self, execution: int, number: int) -> int:
        self._effect(f"{execution} {number}")
        return number

    async def _last(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._entered += 1
        if self._entered == self._executions:
            self._all_in.set()
        await self._release.wait()


def wait_all(path: str, executions: int, seconds: int, then: Callable[[], None]) -> None:
    """Start executions that wait for so long; calls `then` when each of them does."""

    @durable_execution
    async def handler(event: int, ctx: DurableContext) -> None:
        await ctx.step("before", body, event)
        await ctx.wait("wait", seconds)

    async def start(engine: Engine) -> None:
        started = await asyncio.gather(*(engine.astart("wait", number) for number in range(executions)))
        for execution in started:
            while not any(operation.type == "WAIT" for operation in await execution.aoperations()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    engine = Engine(path)
    engine.register(handler, name="wait")
    asyncio.run(start(engine))
    then()
    engine.close()


class Reader:
    """The engine of a file that has executions; their functions are registered, so those that have not ended go on."""

    def __init__(self, path: str) -> None:
        @durable_execution
        async def handler(event: int, ctx: DurableContext) -> None:
            await ctx.step("before", body, event)
            await ctx.wait("wait", 86_400)

        self._engine = Engine(path)
        self._engine.register(handler, name="wait")
        self._engine.register(handler, name="load")

    def page(self, limit: int) -> list[str]:
        """The names of the newest executions."""
        return [execution.name for execution in self._engine.executions(limit=limit)]

    def read(self, name: str) -> object:
        """How one of them stands, found by its name."""
        execution = self._engine.execution(name)
        status = execution.status
        return execution.result() if status == "SUCCEEDED" else status
