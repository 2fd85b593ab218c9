"""What the served processes run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from durable_lambda import DurableContext, Retry, current_step, durable_execution


def note(event: dict[str, Any], text: str) -> None:
    with Path(event["notes"]).open("a") as notes:
        notes.write(f"{text}\n")


@durable_execution
async def waits(event: dict[str, Any], ctx: DurableContext) -> str:
    await ctx.step("before", note, event, "before")
    await ctx.wait("pause", 2)
    return "waited"


@durable_execution
async def runs(event: dict[str, Any], ctx: DurableContext) -> str:
    def body() -> str:
        note(event, f"attempt of {os.getpid()}")
        while not Path(event["go"]).exists():
            time.sleep(0.02)
        return "ran"

    await ctx.step("before", note, event, "before")
    return await ctx.step("long", body)


@durable_execution
async def asks(event: dict[str, Any], ctx: DurableContext) -> str:
    return await ctx.callback_result(await ctx.create_callback("answer"), str)


@durable_execution
async def retries(event: dict[str, Any], ctx: DurableContext) -> str:
    def body() -> str:
        note(event, f"attempt {current_step().attempt}")
        if current_step().attempt == 1:
            raise RuntimeError("not yet")
        return "second time"

    return await ctx.step("flaky", body, retry=Retry.fixed(max_attempts=2, delay=2))


@durable_execution
async def calls(event: dict[str, Any], ctx: DurableContext) -> str:
    return await ctx.invoke("call", "waits:$LATEST", event, result_type=str)


@durable_execution
async def dies(event: dict[str, Any], ctx: DurableContext) -> str:
    def body() -> str:
        note(event, "attempt")
        if Path(event["notes"]).read_text().count("attempt") == 1:
            if event["how"] == "exit":
                os._exit(9)
            time.sleep(3600)
        return "second time"

    return await ctx.step("deadly", body)
