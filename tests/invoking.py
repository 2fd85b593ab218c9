"""Durable functions that invoke and are invoked, written with the SDK."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from durable_lambda import DurableContext, InvokeError, durable_execution
from scripted import Mail
from wire import assert_event, assert_operation


@durable_execution
async def pay(event: Any, ctx: DurableContext) -> Any:
    """What is invoked most here: a durable function that takes its time."""
    await ctx.wait("settle", timedelta(days=1))
    return {"paid": await ctx.step("amount", lambda: event["amount"])}


@durable_execution
async def order(event: Any, ctx: DurableContext) -> Any:
    return await ctx.invoke("charge", "pay", event)


@durable_execution
async def outcome(event: Any, ctx: DurableContext) -> list[Any]:
    """What an invoke of the function named in the event raises, as user code sees it."""
    try:
        return ["returned", await ctx.invoke("it", event)]
    except InvokeError as error:
        return [type(error).__name__, error.error_type, error.error_message]


@durable_execution
async def failing(event: Any, ctx: DurableContext) -> None:
    raise ValueError("no funds")


def approving(asked: Mail) -> Any:
    """A durable function `approve` that waits for an answer, and tells the id of its callback."""

    @durable_execution
    async def approve(event: Any, ctx: DurableContext) -> Any:
        approval = await ctx.create_callback("approval")
        await ctx.step("ask", asked.put, approval.callback_id)
        return await ctx.callback_result(approval)

    return approve


def told(execution: Any) -> list[str]:
    """The types of the events so far; everything told is of the service's shapes."""
    for event in execution.history():
        assert_event(event)
    for operation in execution.operations():
        assert_operation(operation)
    return [event.event_type for event in execution.history()]
