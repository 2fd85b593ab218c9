"""The random workflows for a `def` handler: the same operations with the same ids, but for tasks, which it has not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable_lambda import CallbackExternalError, CallbackTimeoutError, Handler, Retry, SyncDurableContext
from reliability.workflows import (
    CALLBACK_TIMEOUT,
    FUNCTION,
    Bodies,
    Callback,
    Child,
    Failed,
    Journal,
    Map,
    Node,
    Step,
    Wait,
    callback_name,
    retry_of,
)


def blocking_workflow_handler(nodes: Sequence[Node], begins: Journal) -> Handler[Any, Any]:
    """The durable function of a workflow without tasks, as a `def`."""

    def workflow(event: Any, ctx: SyncDurableContext) -> Any:
        return _Run(begins).all(nodes, ctx, "w")

    return Handler(workflow, name=FUNCTION)


class _Run(Bodies):
    def all(self, nodes: Sequence[Node], ctx: SyncDurableContext, place: str) -> list[Any]:
        return [self.one(node, ctx, f"{place}.{number}") for number, node in enumerate(nodes)]

    def one(self, node: Node, ctx: SyncDurableContext, place: str) -> Any:
        try:
            match node:
                case Wait():
                    return ctx.wait(place, node.seconds)
                case Step():
                    policy: Retry = retry_of(node)
                    return ctx.step(place, self.threaded_body, node, retry=policy, at_most_once=node.is_at_most_once)
                case Callback():
                    return self.callback(node, ctx, place)
                case Child():
                    return ctx.run_in_child_context(place, self.child, node, place)
                case Map():
                    return self.map(node, ctx, place)
                case _:
                    raise AssertionError(f"a def handler has no tasks: {node}")
        except Failed as error:
            return f"{type(error).__name__}: {error}"

    def callback(self, node: Callback, ctx: SyncDurableContext, place: str) -> Any:
        timeout = CALLBACK_TIMEOUT if node.answer == "timeout" else None
        handle = ctx.create_callback(callback_name(node, place), timeout=timeout)
        between = self.all(node.between, ctx, f"{place}~")
        try:
            answer = ctx.callback_result(handle, str)
        except CallbackExternalError as error:
            answer = f"failed: {error.error_message}"
        except CallbackTimeoutError:
            answer = "timed out"
        return [between, answer]

    def map(self, node: Map, ctx: SyncDurableContext, place: str) -> list[Any]:
        def branch(number: int, inner: SyncDurableContext) -> list[Any]:
            return self.all(node.branches[number], inner, f"{place}*{number}")

        batch = ctx.map(
            place,
            range(len(node.branches)),
            branch,
            max_concurrency=node.max_concurrency,
            nesting="flat" if node.is_flat else "nested",
        )
        return batch.results()

    def child(self, node: Child, place: str, ctx: SyncDurableContext) -> list[Any]:
        results = self.all(node.body, ctx, f"{place}>")
        if node.fails:
            raise Failed(f"{place} failed")
        return results
