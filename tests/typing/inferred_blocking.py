"""What a type checker infers of the operations of a `def` handler, and of the ways to write one. Never run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import assert_type
from uuid import UUID

from durable_lambda import (
    BatchResult,
    DurableContext,
    DurableHandler,
    Handler,
    Retry,
    SyncDurableContext,
    durable_execution,
)
from durable_lambda.operations.callback import CallbackHandle
from durable_lambda.operations.saga import CompensationResult


@dataclass
class Order:
    id: str


@dataclass
class Receipt:
    total: int


def charge(order: Order, currency: str) -> Receipt: ...
async def acharge(order: Order) -> Receipt: ...
def submit(callback_id: str, order: Order) -> None: ...
def ship(order: Order, ctx: SyncDurableContext) -> Receipt: ...
def branch(ctx: SyncDurableContext) -> Receipt: ...
def other_branch(ctx: SyncDurableContext) -> str: ...
def look(state: Receipt) -> Receipt: ...


def steps(ctx: SyncDurableContext, order: Order) -> None:
    assert_type(ctx.step("s", charge, order, "EUR"), Receipt)
    assert_type(ctx.step("s", acharge, order, retry=3, timeout=5), Receipt)
    assert_type(ctx.step(None, lambda: 5), int)
    assert_type(ctx.step("s", object, result_type=Receipt), Receipt)
    ctx.wait("w", 5)


def callbacks(ctx: SyncDurableContext, order: Order) -> None:
    handle = ctx.create_callback("c", timeout=5)
    assert_type(handle, CallbackHandle)
    assert_type(ctx.callback_result(handle, Receipt), Receipt)
    assert_type(ctx.wait_for_callback("c", submit, order, result_type=Receipt), Receipt)
    assert_type(ctx.invoke("i", "payments:live", order, result_type=Receipt), Receipt)


def contexts(ctx: SyncDurableContext, order: Order) -> None:
    assert_type(ctx.run_in_child_context("c", ship, order), Receipt)
    assert_type(ctx.run_in_child_context("c", branch), Receipt)
    assert_type(ctx.with_retry("r", ship, order, retry=Retry.none()), Receipt)
    assert_type(ctx.timeout("t", 5, ship, order), Receipt)
    assert_type(ctx.first("f", a=branch, b=branch), tuple[str, Receipt])


def batches(ctx: SyncDurableContext, orders: list[Order]) -> None:
    assert_type(ctx.map("m", orders, ship), BatchResult[Receipt])
    assert_type(ctx.map("m", orders, ship, max_concurrency=3).results(), list[Receipt])
    assert_type(ctx.parallel("p", [branch, branch]), BatchResult[Receipt])
    assert_type(ctx.parallel("p", {"a": branch, "b": branch}), BatchResult[Receipt])
    mixed = ctx.parallel("p", [branch, other_branch]).results()
    assert_type(mixed, list[Receipt | str])


def conditions(ctx: SyncDurableContext, receipt: Receipt) -> None:
    state = ctx.wait_for_condition("w", look, initial_state=receipt, until=lambda state: state.total > 5)
    assert_type(state, Receipt)


def sagas(ctx: SyncDurableContext, order: Order) -> None:
    def undo(receipt: Receipt, order: Order) -> None: ...

    with ctx.saga() as saga:
        assert_type(saga.step("s", acharge, order, compensate=undo), Receipt)
        assert_type(saga.run_compensations(), CompensationResult)


def the_rest(ctx: SyncDurableContext) -> None:
    with ctx.batch_checkpoints():
        ctx.flush()
    assert_type(ctx.now(), datetime)
    assert_type(ctx.uuid(), UUID)
    assert_type(ctx.random(), Random)
    assert_type(ctx.patched("change"), bool)


# Ways to write a handler


def blocking(event: Order, ctx: SyncDurableContext) -> Receipt: ...
async def awaiting(event: Order, ctx: DurableContext) -> Receipt: ...


@durable_execution
def decorated(event: Order, ctx: SyncDurableContext) -> Receipt: ...


@durable_execution(name="orders", start_delay=0)
def with_options(event: Order, ctx: SyncDurableContext) -> Receipt: ...


class Orders(DurableHandler, name="orders"):
    def __init__(self, currency: str) -> None:
        self.currency = currency

    def handle(self, event: Order, ctx: SyncDurableContext) -> Receipt: ...


assert_type(decorated, Handler[Order, Receipt])
assert_type(with_options, Handler[Order, Receipt])
assert_type(Handler(blocking), Handler[Order, Receipt])
assert_type(Handler(awaiting), Handler[Order, Receipt])
assert_type(durable_execution(awaiting), Handler[Order, Receipt])
assert_type(Handler.builder(blocking).with_name("orders").build(), Handler[Order, Receipt])
assert_type(Handler.builder(awaiting).build(), Handler[Order, Receipt])
assert_type(Orders("EUR"), Orders)
