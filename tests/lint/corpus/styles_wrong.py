"""Every way in which durable code begins, and every way in which a context gets about."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Optional

import durable_lambda
import durable_lambda as dl
from durable_lambda.context import DurableContext as Context
from durable_lambda.handler import durable_execution as durable

if TYPE_CHECKING:
    from durable_lambda import DurableContext, SyncDurableContext


@durable
async def by_another_name(event, context):
    return time.time()  # DUR001


@dl.durable_execution
async def by_a_module(event, c):
    await c.step("work", work)
    c.step("work", work)  # DUR008


@durable_lambda.durable_execution(name="x")
async def by_the_whole_module(event, c):
    return time.time()  # DUR001


async def by_a_call(event, c):
    c.step("work", work)  # DUR008


handler = durable(by_a_call)


async def by_a_class(event, c):
    c.step("work", work)  # DUR008


other = dl.Handler(by_a_class)


async def by_a_server(event, c):
    c.step("work", work)  # DUR008


dl.serve_lambda(by_a_server)


async def with_options(event, c):
    c.step("work", work)  # DUR008


third = durable(name="third")(with_options)


class Base(dl.DurableHandler):
    async def before(self, ctx) -> None:
        ctx.step("before", work)  # DUR008


class Derived(Base):
    async def handle(self, event, ctx):
        self.ctx = ctx
        await self.before(ctx)
        await self.after()

    async def after(self):
        self.ctx.step("after", work)  # DUR008

    @staticmethod
    async def unused(ctx: Context):
        ctx.step("unused", work)  # DUR008


async def annotated(ctx: Context, more: Optional[DurableContext] = None) -> None:
    ctx.step("work", work)  # DUR008
    more.step("work", work)  # DUR008


def synchronous(ctx: SyncDurableContext) -> float:
    ctx.step("work", work)
    return time.time()  # DUR001


async def work(*args): ...


async def handed_on(order, context):
    context.step("work", work)  # DUR008


async def handed_on_by_keyword(*, context):
    context.step("work", work)  # DUR008


@durable
async def hands_on(event, ctx):
    await handed_on(event, ctx)
    await handed_on_by_keyword(context=ctx)
    if (again := event) and (c := ctx):
        c.step("work", work)  # DUR008
    async with ctx.saga() as saga:
        await book(saga, again)


async def book(saga, order):
    saga.step("room", work, compensate=work)  # DUR008
    await saga.step("book", work, compensate=work)


def cached():
    @functools.lru_cache
    def stamp():
        return time.time()  # DUR001

    @durable
    async def inner(event, ctx):
        return stamp()

    return inner


def factory(seconds):
    async def branch(ctx):
        ctx.wait("pause", seconds)  # DUR008

    return branch


@durable
async def recursive(event, ctx):
    await ctx.parallel("all", [factory(1), factory(2)])
    await recurse(3, ctx)
    await event[0](ctx)


async def recurse(depth, c):
    if depth:
        await recurse(depth - 1, c)
    c.wait("pause", 5)  # DUR008


@durable
async def starred(event, ctx):
    await ctx.run_in_child_context("child", starred_child, *event)
    await ctx.step(*event)
    await ctx.step("work", work, *event, **event)


async def starred_child(*args):
    return time.time()  # DUR001


async def with_any_number(*args, ctx: Context):
    ctx.wait("pause", 5)  # DUR008
