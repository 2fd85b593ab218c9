"""What must hold of a ride, whatever accidents it met with."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from durable_lambda.protocol.operations import Operation
from reliability.accidents import Accidents, MakeHandler, Ride
from reliability.aftermath import Remains, wire
from reliability.workflows import Node, workflow_handler


def ride(nodes: Sequence[Node], accidents: Accidents, handlers: Sequence[MakeHandler] = (workflow_handler,)) -> Ride:
    """Carry a workflow to its end in a folder of its own, by these handlers in turn: each has a life."""
    with tempfile.TemporaryDirectory() as folder:
        return Ride(nodes, accidents, Path(folder), handlers).run()


def problems_beside(rough: Ride, calm: Ride) -> list[tuple[str, str]]:
    """What is wrong with a ride, beside one of the same workflow that met with no accident."""
    problems = problems_of(rough)
    if calm.end.status != "SUCCEEDED":
        problems.append(("lost", f"it ended as {calm.end.status} without any accident"))
    if shown(rough.end) != shown(calm.end):
        problems.append(("lost", f"it ended as {shown(rough.end)}, and not as {shown(calm.end)}"))
    return problems


def shown(remains: Remains) -> tuple[object, object, dict[str, object]]:
    """How an execution ended, with its operations: all that may not depend on accidents. Not times, nor random ids."""
    operations = {each.id: _shown_operation(each) for each in remains.operations if each.type != "EXECUTION"}
    return remains.status, remains.result, operations


def _shown_operation(operation: Operation) -> object:
    plain: dict[str, Any] = msgspec.to_builtins(operation)
    for field in ("StartTimestamp", "EndTimestamp"):
        plain.pop(field, None)
    plain.get("StepDetails", {}).pop("Attempt", None)  # an interrupted attempt counts, and another one is made
    plain.get("CallbackDetails", {}).pop("CallbackId", None)
    plain.get("WaitDetails", {}).pop("ScheduledEndTimestamp", None)
    for details in (value for value in plain.values() if isinstance(value, dict)):
        if isinstance(details.get("Error"), dict):
            details["Error"].pop("StackTrace", None)
    return plain


def problems_of(ride: Ride) -> list[tuple[str, str]]:
    """What was `lost` or `repeated`; empty if all is well."""
    problems: list[tuple[str, str]] = []
    before: Remains | None = None
    for life, remains in zip(ride.lives, ride.remains, strict=True):
        problems += [("repeated", f"begun after its outcome was stored: {attempt}") for attempt in life.repeated]
        history = [] if remains is None else list(map(wire, remains.history))
        if before is not None and history[: len(before.history)] != list(map(wire, before.history)):
            problems.append(("lost", "the history no longer begins as it did"))
        if remains is not None and [each.event_id for each in remains.history] != list(range(1, len(history) + 1)):
            problems.append(("lost", "the events are not numbered 1, 2, 3, …"))
        before = remains or before
    begun = Counter(attempt for life in ride.lives for attempt in life.once)
    return problems + [("repeated", f"begun twice: {attempt}") for attempt, count in begun.items() if count > 1]
