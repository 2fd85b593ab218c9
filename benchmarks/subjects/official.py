"""The official SDK of AWS: its handler, with the service as its boto3 client. Its functions and bodies are `def`."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution

from benchmarks.service import Service
from benchmarks.subjects import Marks, Shape


class Client:
    """The service as boto3 would show it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def checkpoint_durable_execution(self, *, Updates: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        return self._service.checkpoint(Updates)


def body(number: int) -> int:
    return number


def build(shape: Shape, service: Service, marks: Marks) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler of this shape."""

    def steps(ctx: DurableContext) -> int:
        for number in range(shape.steps):
            since = perf_counter()
            ctx.step(lambda _, number=number: body(number), name=f"step-{number}")
            marks.lap(since)
        return shape.steps

    def one_step(ctx: DurableContext, number: int, *_: Any) -> int:
        def counted(_: Any) -> int:
            marks.count_threads()
            return number

        return ctx.step(counted, name="step")

    def batch(ctx: DurableContext) -> int:
        since = perf_counter()
        if shape.kind == "map":
            results = ctx.map(range(shape.steps), one_step, name="map")
        else:
            branches = [lambda ctx, number=number: one_step(ctx, number) for number in range(shape.steps)]
            results = ctx.parallel(branches, name="parallel")
        marks.lap(since)
        return sum(results.get_results())

    @durable_execution(boto3_client=Client(service))
    def handler(event: dict[str, int], ctx: DurableContext) -> int:
        marks.begin()
        if shape.kind == "child":
            return ctx.run_in_child_context(steps, name="child")
        return (steps if shape.kind == "sequence" else batch)(ctx)

    return handler
