"""durable-lambda as an SDK: its handler, with the service as its backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import msgspec

from benchmarks.service import Service
from benchmarks.subjects import Marks, Shape
from durable_lambda import DurableContext, SyncDurableContext, durable_execution
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.updates import OperationUpdate


class Backend:
    """The service as durable-lambda asks for it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        answer = await self._service.acheckpoint(msgspec.to_builtins(updates))
        state = answer["NewExecutionState"]
        return CheckpointResponse(answer["CheckpointToken"], ExecutionState(state["Operations"]))

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        raise NotImplementedError


async def async_body(number: int) -> int:
    return number


def def_body(number: int) -> int:
    return number


def build(shape: Shape, service: Service, marks: Marks) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler of this shape."""
    if shape.handler == "def":
        return build_blocking(shape, service, marks)
    body = async_body if shape.body == "async" else def_body

    async def steps(ctx: DurableContext) -> int:
        for number in range(shape.steps):
            since = perf_counter()
            await ctx.step(f"step-{number}", body, number)
            marks.lap(since)
        return shape.steps

    async def counted(number: int) -> int:
        marks.count_threads()
        return number

    async def one_step(number: int, ctx: DurableContext) -> int:
        return await ctx.step("step", counted, number)

    async def batch(ctx: DurableContext) -> int:
        since = perf_counter()
        if shape.kind == "map":
            results = await ctx.map("map", range(shape.steps), one_step)
        else:
            results = await ctx.parallel("parallel", [partial(one_step, number) for number in range(shape.steps)])
        marks.lap(since)
        return sum(results.results())

    @durable_execution(backend=Backend(service))
    async def handler(event: dict[str, int], ctx: DurableContext) -> int:
        marks.begin()
        if shape.kind == "child":
            return await ctx.run_in_child_context("child", steps)
        return await (steps if shape.kind == "sequence" else batch)(ctx)

    return handler


def build_blocking(shape: Shape, service: Service, marks: Marks) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The same as a `def`."""

    def steps(ctx: SyncDurableContext) -> int:
        for number in range(shape.steps):
            since = perf_counter()
            ctx.step(f"step-{number}", def_body, number)
            marks.lap(since)
        return shape.steps

    def counted(number: int) -> int:
        marks.count_threads()
        return number

    def one_step(number: int, ctx: SyncDurableContext) -> int:
        return ctx.step("step", counted, number)

    def batch(ctx: SyncDurableContext) -> int:
        since = perf_counter()
        results = ctx.map("map", range(shape.steps), one_step)
        marks.lap(since)
        return sum(results.results())

    @durable_execution(backend=Backend(service))
    def handler(event: dict[str, int], ctx: SyncDurableContext) -> int:
        marks.begin()
        return (steps if shape.kind == "sequence" else batch)(ctx)

    return handler
