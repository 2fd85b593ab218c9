"""The environment, read in durable code."""

import os
import platform
import socket
import sys
from os import environ, getenv
from pathlib import Path

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


def setting(name: str) -> str:
    return os.environ.get(name, "")  # DUR003


@durable_execution
async def variables(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, os.environ["STAGE"])  # DUR003
    await ctx.step("work", work, getenv("STAGE"))  # DUR003
    if "STAGE" in environ:  # DUR003
        await ctx.step("work", work)
    await ctx.step("work", work, setting("STAGE"))


@durable_execution
async def the_host(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, socket.gethostname(), os.getpid())  # DUR003 DUR003
    await ctx.step("work", work, platform.node())  # DUR003
    await ctx.step("work", work, Path.cwd() / "x")  # DUR003


@durable_execution
async def kept(event: dict, ctx: DurableContext) -> None:
    env = os.environ  # DUR003
    await ctx.step("work", work, env["STAGE"])
    await ctx.invoke("other", sys.argv[0])  # DUR003


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("work", work, os.getenv("STAGE"))  # DUR003


async def child(ctx):
    return os.getenv("STAGE")  # DUR003


@durable_execution
async def in_a_child(event: dict, ctx: DurableContext) -> None:
    await ctx.with_retry("child", child)
