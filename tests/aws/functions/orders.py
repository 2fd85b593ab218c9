"""What the runtime client runs in these tests."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

from durable_lambda import DurableContext, DurableHandler, SyncDurableContext, durable_execution, serve_lambda


def place() -> list[int]:
    """The process and the loop."""
    return [os.getpid(), id(asyncio.get_running_loop())]


async def charge(order: Any) -> Any:
    return {"charged": order["a"], "at": place()}


async def where() -> list[int]:
    return place()


@durable_execution
async def handler(event: Any, ctx: DurableContext) -> Any:
    payment = await ctx.step("charge", charge, event)
    await ctx.wait("cool-down", 60)
    shipped = await ctx.step("ship", where)
    return {"places": [payment["at"], shipped], "remaining": ctx.remaining_time.total_seconds()}


@durable_execution
async def approved(event: Any, ctx: DurableContext) -> Any:
    approval = await ctx.create_callback("approval")
    return await ctx.callback_result(approval, str)


async def plain(event: Any, ctx: DurableContext) -> Any:
    return event


def end_process_once(marker: str) -> str:
    """Ends its process with SIGTERM the first time."""
    path = Path(marker)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()
    return "done"


@durable_execution
async def terminated(event: Any, ctx: DurableContext) -> Any:
    await ctx.step("before", where)
    return await ctx.step("terminated", end_process_once, os.environ["MARKER"])


@durable_execution
def blocking(event: Any, ctx: SyncDurableContext) -> Any:
    payment = ctx.step("charge", lambda: event["a"])
    ctx.wait("cool-down", 60)
    return payment


class Orders(DurableHandler):
    async def handle(self, event: Any, ctx: DurableContext) -> Any:
        payment = await ctx.step("charge", lambda: event["a"])
        await ctx.wait("cool-down", 60)
        return payment


of_a_class = Orders()


if __name__ == "__main__":
    serve_lambda(globals()[os.environ["SERVED"]])
