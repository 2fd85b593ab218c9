"""What a type checker infers of the operations. Never run: pyright reads it, in `tests/sdk/test_typing.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import assert_type
from uuid import UUID

from durable_lambda import BatchResult, DurableContext, Retry
from durable_lambda.operations.callback import CallbackHandle


@dataclass
class Order:
    id: str


@dataclass
class Receipt:
    total: int


def charge(order: Order, currency: str) -> Receipt: ...
async def acharge(order: Order) -> Receipt: ...
def submit(callback_id: str, order: Order) -> None: ...
async def ship(order: Order, ctx: DurableContext) -> Receipt: ...
async def branch(ctx: DurableContext) -> Receipt: ...
async def other_branch(ctx: DurableContext) -> str: ...
async def look(state: Receipt) -> Receipt: ...


async def steps(ctx: DurableContext, order: Order) -> None:
    assert_type(await ctx.step("s", charge, order, "EUR"), Receipt)
    assert_type(await ctx.step("s", acharge, order, retry=3, timeout=5), Receipt)
    assert_type(await ctx.step(None, lambda: 5), int)
    assert_type(await ctx.step("s", object, result_type=Receipt), Receipt)
    assert_type(await ctx.wait("w", 5), None)


async def callbacks(ctx: DurableContext, order: Order) -> None:
    handle = await ctx.create_callback("c", timeout=5)
    assert_type(handle, CallbackHandle)
    assert_type(await ctx.callback_result(handle, Receipt), Receipt)
    assert_type(await ctx.wait_for_callback("c", submit, order, result_type=Receipt), Receipt)
    assert_type(await ctx.invoke("i", "payments:live", order, result_type=Receipt), Receipt)


async def contexts(ctx: DurableContext, order: Order) -> None:
    assert_type(await ctx.run_in_child_context("c", ship, order), Receipt)
    assert_type(await ctx.run_in_child_context("c", branch), Receipt)
    assert_type(await ctx.with_retry("r", ship, order, retry=Retry.none()), Receipt)
    assert_type(await ctx.timeout("t", 5, ship, order), Receipt)
    assert_type(await ctx.first("f", a=branch, b=branch), tuple[str, Receipt])


async def batches(ctx: DurableContext, orders: list[Order]) -> None:
    assert_type(await ctx.map("m", orders, ship), BatchResult[Receipt])
    assert_type((await ctx.map("m", orders, ship, max_concurrency=3)).results(), list[Receipt])
    assert_type(await ctx.parallel("p", [branch, branch]), BatchResult[Receipt])
    assert_type(await ctx.parallel("p", {"a": branch, "b": branch}), BatchResult[Receipt])
    mixed = (await ctx.parallel("p", [branch, other_branch])).results()
    assert_type(mixed, list[Receipt | str])
    for item in await ctx.map("m", orders, ship):
        assert_type(item.result, Receipt | None)
        assert_type(item.error, BaseException | None)
    named = await ctx.map("m", orders, ship, item_name=lambda order, index: f"{order.id} {index}")
    assert_type(named.succeeded[0].result, Receipt | None)


async def conditions(ctx: DurableContext, receipt: Receipt) -> None:
    state = await ctx.wait_for_condition("w", look, initial_state=receipt, until=lambda state: state.total > 5)
    assert_type(state, Receipt)


async def sagas(ctx: DurableContext, order: Order) -> None:
    def undo(receipt: Receipt, order: Order) -> None: ...

    async with ctx.saga() as saga:
        assert_type(await saga.step("s", acharge, order, compensate=undo), Receipt)
        result = await saga.run_compensations()
        assert_type(result.failed[0].error, BaseException | None)


async def values(ctx: DurableContext) -> None:
    assert_type(await ctx.now(), datetime)
    assert_type(ctx.uuid(), UUID)
    assert_type(ctx.random(), Random)
    assert_type(ctx.patched("p"), bool)
    async with ctx.batch_checkpoints():
        assert_type(await ctx.flush(), None)
