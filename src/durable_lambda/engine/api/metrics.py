"""What a monitor asks: whether the engine answers, and its numbers in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.host import Host

STATUSES: Final = ("RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")


class _Numbers(NamedTuple):
    """What the engine knows."""

    executions: Mapping[str, int]
    invocations: int
    transactions: int
    events: int
    given_up: Sequence[tuple[str, str, int]]


class Measurements:
    """What the server has counted since it was opened. Used on its loop."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        """By operation and HTTP status."""
        self.seconds: Counter[str] = Counter()
        """Spent on them, by operation."""
        self.under_way = 0

    def count(self, operation: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self.requests[operation, status] += 1
        self.seconds[operation] += seconds  # pyright: ignore[reportArgumentType]  # a counter of floats


async def health(gateway: Gateway) -> Reply:
    """Whether the engine's loop answers, and its file can be read."""
    live = await gateway.peek(lambda host: (host.store.last_key(), len(host.live))[1])
    return as_json({"status": "ok", "liveExecutions": live})


async def metrics(gateway: Gateway, measurements: Measurements) -> Reply:
    """Everything that is measured."""

    def read(host: Host) -> _Numbers:
        return _Numbers(
            host.store.counts(),
            host.invoker.under_way,
            host.commit.transactions,
            host.events.unanswered,
            sorted((function, reason, number) for (function, reason), number in host.events.given_up.items()),
        )

    counts, invocations, transactions, events, given_up = await gateway.peek(read)
    lines = [
        "# HELP durable_executions Executions in the file, by status.",
        "# TYPE durable_executions gauge",
        *(f'durable_executions{{status="{status}"}} {counts.get(status, 0)}' for status in STATUSES),
        "# HELP durable_invocations_under_way Invocations and calls of functions that run now.",
        "# TYPE durable_invocations_under_way gauge",
        f"durable_invocations_under_way {invocations}",
        "# HELP durable_transactions_total Transactions that were stored.",
        "# TYPE durable_transactions_total counter",
        f"durable_transactions_total {transactions}",
        "# HELP durable_events_unanswered Events of asynchronous calls that are stored, and called with or waiting.",
        "# TYPE durable_events_unanswered gauge",
        f"durable_events_unanswered {events}",
        "# HELP durable_events_given_up_total Events that no function has answered, by function and reason.",
        "# TYPE durable_events_given_up_total counter",
        *(
            f'durable_events_given_up_total{{function="{function}",reason="{reason}"}} {number}'
            for function, reason, number in given_up
        ),
        "# HELP durable_requests_under_way Requests that are being answered.",
        "# TYPE durable_requests_under_way gauge",
        f"durable_requests_under_way {measurements.under_way}",
        "# HELP durable_requests_total Requests that were answered, by operation and HTTP status.",
        "# TYPE durable_requests_total counter",
        *(
            f'durable_requests_total{{operation="{operation}",status="{status}"}} {count}'
            for (operation, status), count in sorted(measurements.requests.items())
        ),
        "# HELP durable_request_seconds_total Seconds spent on answering, by operation.",
        "# TYPE durable_request_seconds_total counter",
        *(
            f'durable_request_seconds_total{{operation="{operation}"}} {seconds:.6f}'
            for operation, seconds in sorted(measurements.seconds.items())
        ),
        "",
    ]
    return Reply(body="\n".join(lines).encode(), content_type="text/plain; version=0.0.4")
