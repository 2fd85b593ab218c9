"""The world, reached for in steps; and what asks nobody."""

import asyncio
import io
import os
from pathlib import Path, PurePosixPath
from functools import partial

import boto3
import httpx
import requests

from durable_lambda import DurableContext, durable_execution

s3 = boto3.client("s3")
TEMPLATE = Path(__file__).read_text()


async def post(url: str, client: httpx.AsyncClient) -> int:
    return (await client.post(url)).status_code


def save(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


@durable_execution
async def in_steps(event: dict, ctx: DurableContext) -> None:
    client = httpx.AsyncClient()
    await ctx.step("post", post, event["url"], client)
    await ctx.step("save", save, "a", "b")
    await ctx.step("put", partial(s3.put_object, Bucket="b", Key="k", Body=b""))
    await ctx.step("read", Path("a").read_text)
    await ctx.step("lambda", lambda: open("a").read())
    await ctx.step("thread", lambda: asyncio.to_thread(save, "a", "b"))


@durable_execution
async def names_of_files(event: dict, ctx: DurableContext) -> str:
    path = Path(event["folder"]) / "a.txt"
    pure = PurePosixPath("/a").joinpath("b")
    return str(path.with_suffix(".md")) + path.name + str(pure) + os.path.join("a", "b")


@durable_execution
async def in_memory(event: dict, ctx: DurableContext) -> str:
    buffer = io.StringIO()
    buffer.write(TEMPLATE)
    return buffer.getvalue()


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext, open=None) -> None:
    requests = event["requests"]
    for request in requests.get("all"):
        await ctx.step("save", save, "a", request)
    if open:
        open("x")


@durable_execution
async def a_client_that_is_made(event: dict, ctx: DurableContext) -> None:
    session = requests.Session()
    session.headers.update({"X": "y"})
    resource = boto3.resource("dynamodb").Table("orders")
    await ctx.step("get", session.get, event["url"])
    await ctx.step("put", lambda: resource.put_item(Item={}))


class Store:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def save(self, text: str) -> None:
        await self.client.post("/", content=text)


store = Store(httpx.AsyncClient())


@durable_execution
async def methods_as_bodies(event: dict, ctx: DurableContext) -> None:
    await ctx.step("save", store.save, "x")
    async with ctx.saga() as saga:
        await saga.step("save", store.save, "x", compensate=undo)


async def undo(result: None, text: str) -> None:
    await httpx.AsyncClient().delete("/")


def step(fn):
    async def wrapper(ctx: DurableContext, *args):
        return await ctx.step(fn.__name__, fn, *args)

    return wrapper


@step
async def charge(order: str) -> None:
    await httpx.AsyncClient().post("/charge")


@durable_execution
async def a_decorator_of_the_users_own(event: dict, ctx: DurableContext) -> None:
    await charge(ctx, event["order"])


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.step("save", save, "a", "b")


def main() -> None:
    save("a", TEMPLATE)
