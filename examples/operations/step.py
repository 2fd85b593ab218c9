"""step: something that happens once. A card is charged and a receipt written, however often the function is run again.

    $ durable run step.py:place_order --event '{"id": "order-42", "cents": 4200}'
    ✓ charge  step  succeeded
    ✓ receipt  step  succeeded
    {
      "payment": "pay-order-42",
      "receipt": "42.00 for order-42, with thanks"
    }

What `charge` returns is stored. When the function is run again, after a crash or a wait, `ctx.step` gives back what is
stored, as the dataclass that it was, and `charge` is not called.
"""

from dataclasses import dataclass

from durable_lambda import DurableContext, current_step, durable_execution


@dataclass
class Order:
    id: str
    cents: int


@dataclass
class Payment:
    id: str
    cents: int


@dataclass
class Outcome:
    payment: str
    receipt: str


@durable_execution
async def place_order(order: Order, ctx: DurableContext) -> Outcome:
    payment = await ctx.step("charge", charge, order, timeout=30)  # seconds for one attempt
    receipt = await ctx.step("receipt", write_receipt, order.id, payment)
    return Outcome(payment.id, receipt)


async def charge(order: Order) -> Payment:
    """A body is an `async def`, which runs on the event loop …"""
    key = current_step().idempotency_key  # the same in every attempt: a payment service would take it
    assert key
    return Payment(f"pay-{order.id}", order.cents)


def write_receipt(order_id: str, payment: Payment) -> str:
    """… or a `def`, which runs on a thread, so it may block."""
    return f"{payment.cents / 100:.2f} for {order_id}, with thanks"
