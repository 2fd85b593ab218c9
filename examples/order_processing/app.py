"""An order, from validation to shipping, as one durable function.

Run it:     durable run app.py:handler --event @order.json
A larger order waits for an approval, and the run shows the command that gives it.

Every step writes a line to an effects file, as a real one would call a service. That is how one can see that a step
that has completed never runs again, whatever happens to the process.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from durable_lambda import DurableContext, Retry, current_step, durable_execution

APPROVAL_ABOVE = Decimal(1000)


@dataclass
class Line:
    sku: str
    quantity: int
    price: Decimal


@dataclass
class Order:
    order_id: str
    customer: str
    lines: list[Line]

    @property
    def total(self) -> Decimal:
        return sum((line.price * line.quantity for line in self.lines), Decimal(0))


@dataclass
class Payment:
    payment_id: str
    amount: Decimal


@dataclass
class Decision:
    approved: bool
    by: str


@dataclass
class Receipt:
    order_id: str
    payment_id: str
    amount: Decimal
    reservations: list[str]
    tracking: str
    approved_by: str | None = None


class PaymentUnavailable(Exception):
    """The payment service did not answer; it may later."""


class OrderRejected(Exception):
    """The order cannot be carried out."""


@durable_execution
async def process_order(order: Order, ctx: DurableContext) -> Receipt:
    await ctx.step("validate", validate, order)

    approved_by = None
    if order.total > APPROVAL_ABOVE:
        approval = await ctx.create_callback("approval", timeout=timedelta(days=3))
        await ctx.step("ask for approval", ask_for_approval, order, approval.callback_id)
        decision = await ctx.callback_result(approval, Decision)
        if not decision.approved:
            raise OrderRejected(f"{decision.by} did not approve {order.order_id}")
        approved_by = decision.by

    payment = await ctx.step(
        "charge",
        charge,
        order,
        retry=Retry(max_attempts=5, initial_delay=1, backoff=1.0, jitter="none", retry_on=PaymentUnavailable),
        timeout=30,
    )
    reservations = await asyncio.gather(*(ctx.step(f"reserve {line.sku}", reserve, line) for line in order.lines))
    await ctx.wait("cool-down", timedelta(seconds=2))
    tracking = await ctx.step("ship", ship, order)
    await ctx.step("confirm", confirm, order, tracking)

    ctx.logger.info("order %s is on its way", order.order_id)
    return Receipt(order.order_id, payment.payment_id, payment.amount, list(reservations), tracking, approved_by)


async def validate(order: Order) -> None:
    if not order.lines or any(line.quantity < 1 for line in order.lines):
        raise OrderRejected(f"{order.order_id} has nothing to ship")
    effect(f"validated {order.order_id}")


async def ask_for_approval(order: Order, callback_id: str) -> None:
    effect(f"asked for approval of {order.total}")


async def charge(order: Order) -> Payment:
    """The payment service is out of order for the first two attempts."""
    if current_step().attempt <= 2:
        raise PaymentUnavailable("no answer from the payment service")
    effect(f"charged {order.total}")
    return Payment(f"pay-{order.order_id}", order.total)


async def reserve(line: Line) -> str:
    await asyncio.sleep(0.5)  # the warehouse takes its time
    effect(f"reserved {line.quantity} x {line.sku}")
    return f"{line.sku}/{line.quantity}"


async def ship(order: Order) -> str:
    effect(f"shipped {order.order_id}")
    return f"track-{order.order_id}"


async def confirm(order: Order, tracking: str) -> None:
    effect(f"told {order.customer}: {tracking}")


def effect(text: str) -> None:
    """What the step does to the world: a line in a file."""
    with Path(os.environ.get("ORDER_EFFECTS", "effects.log")).open("a") as file:
        file.write(text + "\n")


handler = process_order
