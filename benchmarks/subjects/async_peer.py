"""async-durable-execution: its handler, with the service as its asynchronous client. Its bodies are `async def`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from async_durable_execution import durable_execution, map, parallel, run_in_child_context, step

from benchmarks.service import Service
from benchmarks.subjects import Marks, Shape


class Client:
    """The service as an asynchronous Lambda client would show it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def checkpoint_durable_execution(self, *, Updates: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        return await self._service.acheckpoint(Updates)

    async def get_durable_execution_state(self, **_: Any) -> dict[str, Any]:
        raise NotImplementedError


async def body(number: int) -> int:
    return number


def build(shape: Shape, service: Service, marks: Marks) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler of this shape."""

    async def steps() -> int:
        for number in range(shape.steps):
            since = perf_counter()
            await step(partial(body, number), name=f"step-{number}")
            marks.lap(since)
        return shape.steps

    async def counted(number: int) -> int:
        marks.count_threads()
        return number

    async def one_step(number: int) -> int:
        return await step(partial(counted, number), name="step")

    async def batch() -> int:
        since = perf_counter()
        if shape.kind == "map":
            results = await map(one_step, range(shape.steps), name="map")
        else:
            results = await parallel([partial(one_step, number) for number in range(shape.steps)], name="parallel")
        marks.lap(since)
        return sum(results.get_results())

    @durable_execution(boto3_client=Client(service))
    async def handler(event: dict[str, int]) -> int:
        marks.begin()
        if shape.kind == "child":
            return await run_in_child_context(steps, name="child")
        return await (steps if shape.kind == "sequence" else batch)()

    return handler
