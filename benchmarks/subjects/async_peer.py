"""async-durable-execution: its handler, with the service as its asynchronous client. Its bodies are `async def`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from async_durable_execution import durable_execution, run_in_child_context, step

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

    @durable_execution(boto3_client=Client(service))
    async def handler(event: dict[str, int]) -> int:
        marks.begin()
        return await run_in_child_context(steps, name="child") if shape.in_child else await steps()

    return handler
