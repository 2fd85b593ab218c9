"""A thousand customers get their invoice for the month: a fan-out, a few at a time, that bears with some that fail.

    $ durable run app.py:handler --event '{"month": "2026-03", "customers": 1000}' --name march
    ✓ customers  step  succeeded
    ✓ invoices  map  succeeded
    ✗ customer-0404  item  failed … customer-0404 has no address
    {
      "month": "2026-03",
      "sent": 999,
      "total_cents": 4988750,
      "not_sent": [
        "customer-0404 has no address"
      ]
    }

Twenty invoices are on their way at any time. Customer 404 has no address: that invoice fails, which the fan-out
tolerates, and the summary names it. Press Ctrl-C half-way, or `kill -9` the process, and run the same command
again: no invoice that was sent is sent again.

The tree shows some of the thousand branches, and counts the others. `durable show march --all` has every one of them,
and with `--json` everything that is recorded of it.
"""

from dataclasses import dataclass

from durable_lambda import Completion, DurableContext, Retry, durable_execution

AT_ONCE = 20  # as many as the mail service takes from us


@dataclass
class Billing:
    month: str
    customers: int


@dataclass
class Customer:
    number: int
    orders: int
    address: str | None

    @property
    def name(self) -> str:
        return f"customer-{self.number:04}"


@dataclass
class Summary:
    month: str
    sent: int
    total_cents: int
    not_sent: list[str]


class NoAddress(Exception):
    """There is nowhere to send the invoice to."""


class MailServiceBusy(Exception):
    """Worth another attempt, unlike `NoAddress`."""


@durable_execution(name="billing")
async def handler(billing: Billing, ctx: DurableContext) -> Summary:
    customers = await ctx.step("customers", load_customers, billing.customers)
    invoices = await ctx.map(
        "invoices",
        customers,
        invoice,
        max_concurrency=AT_ONCE,
        item_name=lambda customer, index: customer.name,
        completion=Completion.tolerate(failures=billing.customers // 100),
    )
    amounts = invoices.results()  # raises if more have failed than are tolerated
    return Summary(billing.month, len(amounts), sum(amounts), [str(item.error) for item in invoices.failed])


async def invoice(customer: Customer, ctx: DurableContext) -> int:
    """One branch: it has operations of its own, as many as it likes."""
    return await ctx.step("send", send_invoice, customer, retry=Retry(max_attempts=5, retry_on=MailServiceBusy))


async def load_customers(count: int) -> list[Customer]:
    """A step, because what is in the customers' database may be another thing tomorrow."""
    return [Customer(n, orders=n % 7 + 1, address=None if n == 404 else f"{n} High Street") for n in range(count)]


async def send_invoice(customer: Customer) -> int:
    """Stands for the call of a mail service; gives the amount in cents."""
    if customer.address is None:
        raise NoAddress(f"{customer.name} has no address")
    return customer.orders * 1250
