"""The environment where it may be read."""

import os
from os import environ

from durable_lambda import DurableContext, durable_execution

STAGE = os.environ.get("STAGE", "dev")


def read() -> str:
    return os.environ["STAGE"]


@durable_execution
async def in_a_step(event: dict, ctx: DurableContext) -> str:
    await ctx.step("read", read)
    await ctx.step("getenv", os.getenv, "STAGE")
    return await ctx.step("lambda", lambda: environ["STAGE"])


@durable_execution
async def a_constant(event: dict, ctx: DurableContext) -> str:
    return STAGE


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext) -> str:
    environ = event["environ"]
    os = event["os"]
    return environ["STAGE"] + os.environ["STAGE"]


@durable_execution
async def paths_without_a_host(event: dict, ctx: DurableContext) -> str:
    import os.path

    return os.path.join(event["folder"], "x")


def main() -> None:
    os.environ["STAGE"] = "test"


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> str:
    return ctx.step("read", read)


@durable_execution
async def in_a_body_of_a_branch(event: dict, ctx: DurableContext) -> None:
    async def branch(item: str, ctx: DurableContext) -> None:
        await ctx.step("read", lambda: os.getenv(item))

    await ctx.map("items", event["items"], branch)
