"""Random workflows: a small tree of operations, and the durable function that carries one out.

A workflow's result tells what each of its operations gave or raised, so two runs that end with the same result have
seen the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from durable_lambda import (
    CallbackExternalError,
    CallbackTimeoutError,
    DurableContext,
    Handler,
    Retry,
    StepInterruptedError,
    current_step,
)

FUNCTION = "workflow"
CALLBACK_TIMEOUT = 3600
"""Seconds, for callbacks that nobody answers."""


class Attempt(NamedTuple):
    """An attempt of a step, by the id of its operation."""

    operation_id: str
    number: int


class Failed(Exception):  # noqa: N818  # a user's error
    """What steps and contexts fail with."""


@dataclass(frozen=True)
class Step:
    """Fails so many times and then succeeds; a doomed one fails for good, which the workflow catches."""

    failures: int = 0
    is_doomed: bool = False
    is_at_most_once: bool = False
    is_threaded: bool = False


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Callback:
    """Created, answered from outside, and read after other operations."""

    answer: Literal["success", "failure", "timeout"]
    between: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Child:
    """A child context; `fails`: it raises after its operations, which the workflow catches."""

    body: tuple[Node, ...]
    fails: bool = False


@dataclass(frozen=True)
class Gather:
    """Coroutines with several operations each, at the same time."""

    branches: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Together:
    """Operations that are started at once, and awaited together."""

    operations: tuple[Step | Wait, ...]


@dataclass(frozen=True)
class Map:
    """Branches of the SDK's own: contexts side by side, at most so many at a time."""

    branches: tuple[tuple[Node, ...], ...]
    max_concurrency: int | None = None
    is_flat: bool = False


Node: TypeAlias = Step | Wait | Callback | Child | Gather | Together | Map

Journal: TypeAlias = Callable[[Attempt, bool], None]
"""Told of each body that begins, and whether it may begin at most once."""


def callback_name(node: Callback, place: str) -> str:
    """The name tells whoever answers what to do."""
    return f"{node.answer} {place}"


def workflow_handler(nodes: Sequence[Node], begins: Journal) -> Handler[Any, Any]:
    """The durable function of a workflow."""

    async def workflow(event: Any, ctx: DurableContext) -> Any:
        return await _Run(begins).all(nodes, ctx, "w")

    return Handler(workflow, name=FUNCTION)


def retry_of(node: Step) -> Retry:
    """The policy with which a step comes to its end."""
    if node.is_at_most_once:  # tried again after an interruption, so that it ends the same
        return Retry.fixed(2, max_attempts=50, retry_on=(Failed, StepInterruptedError))
    return Retry.fixed(3, max_attempts=node.failures + 1, retry_on=Failed)


class Bodies:
    """What the steps of a workflow do."""

    def __init__(self, begins: Journal) -> None:
        self._begins = begins

    async def body(self, node: Step) -> str:
        return self.threaded_body(node)

    def threaded_body(self, node: Step) -> str:
        step = current_step()
        self._begins(Attempt(step.operation_id, step.attempt), node.is_at_most_once)
        if step.attempt <= node.failures or node.is_doomed:
            raise Failed(f"{step.name} failed")
        return f"{step.name} done"


class _Run(Bodies):
    async def all(self, nodes: Sequence[Node], ctx: DurableContext, place: str) -> list[Any]:
        return [await self.one(node, ctx, f"{place}.{number}") for number, node in enumerate(nodes)]

    async def one(self, node: Node, ctx: DurableContext, place: str) -> Any:
        match node:
            case Step() | Wait():
                return await _outcome(self.operation(node, ctx, place))
            case Callback():
                return await self.callback(node, ctx, place)
            case Child():
                return await _outcome(ctx.run_in_child_context(place, self.child, node, place))
            case Map():
                return await self.map(node, ctx, place)
            case Gather():
                branches = [self.all(nodes, ctx, f"{place}/{number}") for number, nodes in enumerate(node.branches)]
                return await asyncio.gather(*branches)
            case Together():
                operations = [
                    self.operation(each, ctx, f"{place}+{number}") for number, each in enumerate(node.operations)
                ]
                return [await _outcome(each) for each in operations]

    def operation(self, node: Step | Wait, ctx: DurableContext, place: str) -> Any:
        if isinstance(node, Wait):
            return ctx.wait(place, node.seconds)
        body = self.threaded_body if node.is_threaded else self.body
        return ctx.step(place, body, node, retry=retry_of(node), at_most_once=node.is_at_most_once)

    async def callback(self, node: Callback, ctx: DurableContext, place: str) -> Any:
        timeout = CALLBACK_TIMEOUT if node.answer == "timeout" else None
        handle = await ctx.create_callback(callback_name(node, place), timeout=timeout)
        between = await self.all(node.between, ctx, f"{place}~")
        try:
            answer = await ctx.callback_result(handle, str)
        except CallbackExternalError as error:
            answer = f"failed: {error.error_message}"
        except CallbackTimeoutError:
            answer = "timed out"
        return [between, answer]

    async def map(self, node: Map, ctx: DurableContext, place: str) -> list[Any]:
        async def branch(number: int, inner: DurableContext) -> list[Any]:
            return await self.all(node.branches[number], inner, f"{place}*{number}")

        batch = await ctx.map(
            place,
            range(len(node.branches)),
            branch,
            max_concurrency=node.max_concurrency,
            nesting="flat" if node.is_flat else "nested",
        )
        return batch.results()

    async def child(self, node: Child, place: str, ctx: DurableContext) -> list[Any]:
        results = await self.all(node.body, ctx, f"{place}>")
        if node.fails:
            raise Failed(f"{place} failed")
        return results


async def _outcome(operation: Any) -> Any:
    """What it gives, or the failure that it raises."""
    try:
        return await operation
    except Failed as error:
        return f"{type(error).__name__}: {error}"
