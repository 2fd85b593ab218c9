"""`durable cost`: what AWS would bill for an execution, from its history, wherever it ran.

Operations, data written and data kept, as the service meters them; Lambda's own requests and seconds come on top, and
depend on memory and on what the code does. Prices are those of the price list for us-east-1, and may have changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import msgspec

from durable_lambda.cli.output import print_json, print_lines
from durable_lambda.cli.rebuilt import operations_of
from durable_lambda.cli.where import Where, client_of
from durable_lambda.drawing.tree import columns
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.limits import DEFAULT_RETENTION_DAYS, MAX_EXECUTION_DATA, MAX_OPERATIONS
from durable_lambda.protocol.operations import Operation, StepDetails

OPERATION: Final = 8.00 / 1_000_000
GB_WRITTEN: Final = 0.25
GB_MONTH: Final = 0.15

_DAYS_OF_A_MONTH: Final = 30
_PAYLOADS: Final = ("Input", "Result", "Error", "Payload", "ErrorMessage", "ErrorType", "ErrorData", "StackTrace")


class Cost(NamedTuple):
    """What an execution has made."""

    operations: dict[str, int]
    """Counted operations, by what they are; the start among them."""
    bytes_written: int
    invocations: int

    @property
    def counted(self) -> int:
        return sum(self.operations.values())

    def dollars(self, retention_days: int = DEFAULT_RETENTION_DAYS) -> float:
        """What one such execution costs, kept for so many days after its end."""
        gigabytes = self.bytes_written / 1e9
        kept = gigabytes * GB_MONTH * retention_days / _DAYS_OF_A_MONTH
        return self.counted * OPERATION + gigabytes * GB_WRITTEN + kept


def cost_of(history: Sequence[Event]) -> Cost:
    """Count as the service meters: a step once for each attempt, everything else once, the start once."""
    counted: Counter[str] = Counter()
    for operation in operations_of(history):
        kind = "start" if operation.type == "EXECUTION" else operation.sub_type or operation.type.lower()
        counted[kind] += _attempts(operation)
    written = sum(len(text.encode()) for event in history for text in _texts(msgspec.to_builtins(event.details)))
    invocations = sum(event.event_type == "InvocationCompleted" for event in history)
    return Cost(dict(counted), written, invocations)


def cost_command(name_or_arn: str, where: Where, *, as_json: bool) -> None:
    """Tell what an execution has made, and what a million of its kind would cost."""
    with client_of(where) as client:
        cost = cost_of(client.execution(name_or_arn).history())
    dollars = cost.dollars()
    if as_json:
        told = {"Operations": cost.operations, "BytesWritten": cost.bytes_written, "Invocations": cost.invocations}
        print_json({**told, "Dollars": dollars})
        return
    cells = [[kind, f"{count:,}"] for kind, count in cost.operations.items()]
    cells += [
        ["operations", f"{cost.counted:,} of {MAX_OPERATIONS:,}"],
        ["data written", f"{cost.bytes_written:,} of {MAX_EXECUTION_DATA:,} bytes"],
        ["invocations", f"{cost.invocations:,}"],
    ]
    print_lines(*columns(cells))
    print_lines(
        f"${dollars:.6f} for this execution, ${dollars * 1e6:,.2f} for a million, kept for {DEFAULT_RETENTION_DAYS} "
        "days, without Lambda's requests and seconds"
    )


def _attempts(operation: Operation) -> int:
    if operation.type != "STEP":
        return 1
    ended = (operation.step_details or StepDetails()).attempt
    return max(1, ended + (operation.status in ("STARTED", "READY") and ended > 0))


def _texts(details: Any) -> list[str]:
    """The payloads and errors in an event's details."""
    if isinstance(details, str):
        return [details]
    if isinstance(details, list):
        return [text for each in cast("list[Any]", details) for text in _texts(each)]
    if not isinstance(details, dict):
        return []
    fields = cast("dict[str, Any]", details)
    return [text for key in _PAYLOADS if key in fields for text in _texts(fields[key])]
