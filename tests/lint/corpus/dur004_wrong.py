"""Files, networks, processes and threads, reached for in durable code."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from subprocess import run as start
from urllib.request import urlopen

import boto3
import httpx
import requests

from durable_lambda import DurableContext, durable_execution

s3 = boto3.client("s3")
session = requests.Session()


async def work(*args: object) -> None: ...


@durable_execution
async def files(event: dict, ctx: DurableContext) -> None:
    with open("rates.json") as file:  # DUR004
        await ctx.step("work", work, file)
    folder = Path("/tmp") / event["name"]
    if folder.exists():  # DUR004
        shutil.rmtree(folder)  # DUR004
    text = Path("a").with_suffix(".txt").read_text()  # DUR004
    await ctx.step("work", work, text, os.path.getsize("a"))  # DUR004


@durable_execution
async def requests_of(event: dict, ctx: DurableContext) -> None:
    requests.get(event["url"])  # DUR004
    session.post(event["url"])  # DUR004
    urlopen(event["url"])  # DUR004
    async with httpx.AsyncClient() as client:
        await client.get(event["url"])  # DUR004
    s3.put_object(Bucket="b", Key="k", Body=b"")  # DUR004


@durable_execution
async def processes(event: dict, ctx: DurableContext) -> None:
    subprocess.run(["ls"])  # DUR004
    start(["ls"], check=True)  # DUR004
    os.system("ls")  # DUR004
    await asyncio.create_subprocess_exec("ls")  # DUR004


@durable_execution
async def threads(event: dict, ctx: DurableContext) -> None:
    await asyncio.to_thread(work)  # DUR004
    await asyncio.get_running_loop().run_in_executor(None, work)  # DUR004


async def charge(order: str, client: httpx.AsyncClient) -> None:
    await client.post(order)  # DUR004


@durable_execution
async def called_and_not_stepped(event: dict, ctx: DurableContext) -> None:
    client = httpx.AsyncClient()
    await charge(event["order"], client)


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    connection = sqlite3.connect("orders.db")  # DUR004
    connection.execute("SELECT 1")  # DUR004


class Store:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.client = boto3.client("dynamodb")

    def save(self, text: str) -> None:
        self.path.write_text(text)  # DUR004
        self.client.put_item(TableName="t", Item={})  # DUR004


@durable_execution
async def by_a_method(event: dict, ctx: DurableContext) -> None:
    store = Store(Path("a"))
    store.save("x")


def read_once(path: str) -> str:
    with open(path) as file:  # DUR004
        return file.read()


@durable_execution
async def sorted_by_a_file(event: dict, ctx: DurableContext) -> None:
    lines = sorted(event["lines"], key=read_once)
    await ctx.step("work", work, lines)
