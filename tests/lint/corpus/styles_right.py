"""Whole functions as people write them, with nothing wrong in them; and code that only looks durable."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from uuid import uuid4

import boto3

from durable_lambda import (
    CallbackTimeoutError,
    Completion,
    DurableContext,
    DurableHandler,
    Handler,
    Retry,
    current_step,
    durable_execution,
)

logger = logging.getLogger(__name__)
TABLE = os.environ.get("TABLE", "orders")
clients: dict[str, Any] = {}


def client(name: str) -> Any:
    if name not in clients:
        clients[name] = boto3.client(name)
    return clients[name]


@dataclass
class Order:
    id: str
    lines: list[str]
    tags: set[str] = field(default_factory=set)
    key: str = field(default_factory=lambda: str(uuid4()))

    @property
    def is_large(self) -> bool:
        return len(self.lines) > 10

    def total(self) -> int:
        return sum(len(line) for line in self.lines)


class Rejected(Exception): ...


async def charge(order: Order) -> str:
    started = time.monotonic()
    client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": order.id}})
    logger.info("took %s", time.monotonic() - started)
    return current_step().idempotency_key


async def refund(payment: str, order: Order) -> None:
    await asyncio.sleep(random.random())


async def reserve(line: str, ctx: DurableContext) -> str:
    for _ in range(3):
        if await ctx.step(f"reserve {line}", lambda: client("x").reserve(line)):
            return line
        await ctx.wait(f"again {line}", 60)
    raise Rejected(line)


@durable_execution
async def process(order: Order, ctx: DurableContext) -> dict[str, Any]:
    ctx.logger.info("begun %s", order.id)
    if order.is_large and order.total() > 5:
        try:
            answer = await ctx.wait_for_callback("approval", ask, order, timeout=timedelta(days=3))
        except CallbackTimeoutError:
            raise Rejected(order.id) from None
        if not answer:
            return {"status": "rejected"}
    try:
        async with ctx.saga() as saga:
            payment = await saga.step("charge", charge, order, compensate=refund, retry=Retry(max_attempts=3))
            batch = await ctx.map("reserve", order.lines, reserve, completion=Completion.all_completed())
            if batch.failed:
                raise Rejected(order.id)
    except Rejected:
        return {"status": "cancelled", "tags": sorted(order.tags)}
    ship = ctx.step("ship", client("x").ship, order)
    mail, shipped = await asyncio.gather(ctx.step("mail", partial(print, "x")), ship)
    async with ctx.batch_checkpoints():
        for number, line in enumerate(order.lines):
            await ctx.step(f"note {number}", note, line)
    return {"payment": payment, "at": await ctx.now(), "mail": mail, "shipped": shipped}


async def ask(callback_id: str, order: Order) -> None:
    client("ses").send_email(Text=f"{callback_id} {order.id}")


def note(line: str) -> None:
    print(line)


class Sync(DurableHandler):
    def __init__(self, table: str = TABLE) -> None:
        self.table = table
        self.started = time.time()

    def handle(self, event: dict[str, Any], ctx: Any) -> str:
        ctx.step("save", self.save, event)
        for name in sorted(event):
            ctx.wait(name, 5)
        with ctx.saga() as saga:
            saga.step("charge", self.save, event, compensate=self.drop)
        results = ctx.map("items", list(event), self.item).results()
        return f"{ctx.step('id', uuid4)} {results}"

    def item(self, name: str, ctx: Any) -> str:
        if ctx.step("check", self.check, name):
            return name
        return ""

    def save(self, event: dict[str, Any]) -> None:
        with open(self.table, "a") as file:
            file.write(str(datetime.now()))

    def drop(self, result: None, event: dict[str, Any]) -> None:
        os.remove(self.table)

    def check(self, name: str) -> bool:
        return os.path.exists(name)


async def poll(event: dict[str, Any], ctx: DurableContext) -> Any:
    queue: asyncio.Queue[str] = asyncio.Queue()
    lock = asyncio.Lock()

    async def produce() -> None:
        async with lock:
            await queue.put(await ctx.step("produce", charge, event))

    async def consume() -> str:
        return await queue.get()

    _, got = await asyncio.gather(produce(), consume())
    async for name in pages(ctx):
        await ctx.step(f"got {name}", note, name)
    async with session(ctx) as token:
        await ctx.step("use", note, token)
    return got


async def pages(ctx: DurableContext) -> AsyncIterator[str]:
    page: str | None = "1"
    while page:
        yield page
        page = await ctx.step(f"page {page}", note, page)


@asynccontextmanager
async def session(ctx: DurableContext) -> AsyncIterator[str]:
    token = await ctx.step("open", lambda: str(uuid4()))
    try:
        yield token
    finally:
        logger.debug("closed")


polling = Handler.builder(poll).build()


def timed(fn: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def wrapper(*args: Any) -> Any:
        before = time.perf_counter()
        try:
            return await fn(*args)
        finally:
            logger.debug("%s", time.perf_counter() - before)

    return wrapper


@cache
def table() -> Any:
    return boto3.resource("dynamodb").Table(TABLE)


class Scheduler:
    """Has methods of the same names, and is no context."""

    def step(self, name: str, fn: Callable[[], None]) -> None:
        fn()
        self.wait(name, time.time())

    def wait(self, name: str, seconds: float) -> None:
        time.sleep(seconds)


def main() -> None:
    scheduler = Scheduler()
    scheduler.step("x", lambda: scheduler.wait("y", random.random()))
    for tag in {"a", "b"}:
        scheduler.step(tag, main)
    asyncio.run(asyncio.wait_for(asyncio.sleep(5), 1))


if __name__ == "__main__":
    main()
