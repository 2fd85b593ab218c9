"""retry: a step that fails is tried again, if its error is one that may pass.

    $ durable run retry.py:convert --event '{"cents": 1000, "currencies": ["SEK", "XXX"]}' --skip-time
    ✓ rate of SEK  step  succeeded  attempt 3
    ✗ rate of XXX  step  failed … no such currency: XXX
    {
      "SEK": 11230,
      "XXX": null
    }

The rates' service is busy twice, which is worth another attempt; a currency that does not exist is not. Between two
attempts nothing runs: the wait is stored, so it outlives the process. (`--skip-time` lets it pass at once.)
"""

from dataclasses import dataclass

from durable_lambda import DurableContext, Retry, current_step, durable_execution


@dataclass
class Amount:
    cents: int
    currencies: list[str]


class ServiceBusy(Exception):
    """May pass."""


class UnknownCurrency(Exception):
    """Will not."""


PATIENT = Retry(max_attempts=5, initial_delay=2, backoff=2.0, max_delay=60, jitter="full", retry_on=ServiceBusy)


@durable_execution
async def convert(amount: Amount, ctx: DurableContext) -> dict[str, int | None]:
    converted: dict[str, int | None] = {}
    for currency in amount.currencies:
        try:
            rate = await ctx.step(f"rate of {currency}", look_up_rate, currency, retry=PATIENT)
        except UnknownCurrency:  # as itself, on the first run and on every replay
            converted[currency] = None
        else:
            converted[currency] = round(amount.cents * rate)
    return converted


async def look_up_rate(currency: str) -> float:
    if currency != "SEK":
        raise UnknownCurrency(f"no such currency: {currency}")
    if current_step().attempt < 3:
        raise ServiceBusy("too many requests")
    return 11.23
