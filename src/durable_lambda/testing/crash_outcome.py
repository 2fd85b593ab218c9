"""What a run came to, and how two runs of the same function differ."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec

from durable_lambda.operations.deterministic import NOW
from durable_lambda.testing.crashing import Effect
from durable_lambda.testing.operations import OperationView
from durable_lambda.testing.run import DurableRun

_INTERRUPTED = "durable_lambda.errors.StepInterruptedError"
_MISMATCH = "durable_lambda.errors.NonDeterministicExecutionError"


class Outcome(msgspec.Struct, frozen=True):
    """A run that has ended, or cannot go on."""

    status: str
    result: str | None
    error: str | None
    waiting_for: tuple[str, ...]
    operations: dict[str, OperationView]
    """By id, without those that only record the time."""
    ran: Counter[tuple[str, str, int]]
    """How often the body of an operation (id, label, attempt) has run to its end."""
    world: Any
    """What the test says of the world."""
    is_interrupted: bool
    """Whether an attempt of an at-most-once step was cut off: its function may then end otherwise."""
    tree: str

    @property
    def is_deterministic(self) -> bool:
        """Whether it did not end because its code and its history differ."""
        return self.error is None or not self.error.startswith(_MISMATCH)

    @property
    def in_short(self) -> str:
        """How it ended, on one line."""
        return self.status if self.error is None else f"{self.status}: {_first_line(self.error)}"


def outcome_of(run: DurableRun, effects: list[Effect], world: Any) -> Outcome:
    """How a run stands."""
    ended = run.ended
    error = run.error
    views = [view for view in run.operations.all() if view.sub_type != NOW]
    return Outcome(
        status=run.status,
        result=None if ended is None else ended.result,
        error=None if error is None else f"{error.error_type}: {error.error_message}",
        waiting_for=tuple(run.waiting_for),
        operations={view.id: view for view in views},
        ran=Counter((effect.operation_id, effect.label, effect.attempt) for effect in effects if effect.has_ended),
        world=world,
        is_interrupted=any(_was_interrupted(event.details) for event in run.history),
        tree=run.outline(),
    )


def differences(expected: Outcome, found: Outcome, *, compare_results: bool = True) -> list[str]:
    """What is otherwise, in words; empty if nothing is that matters."""
    if found.status == "RUNNING":
        waits = "; ".join(found.waiting_for) or "nothing that could come"
        return [f"the execution does not end: it waits for {waits}"]
    if found.is_interrupted and not expected.is_interrupted:
        return []
    said: list[str] = []
    if compare_results:
        if found.status != expected.status:
            said.append(f"the execution ended as {found.status}, not {expected.status}{_because(found, expected)}")
        elif _value(found.result) != _value(expected.result):
            said.append(f"the result is\n    {found.result}\n  and not\n    {expected.result}")
        elif _first_line(found.error) != _first_line(expected.error):
            said.append(f"the error is\n    {found.error}\n  and not\n    {expected.error}")
    said += _operations(expected, found)
    said += _bodies(expected, found)
    if found.world != expected.world:
        said.append(f"effects() gives\n    {found.world!r}\n  and not\n    {expected.world!r}")
    return said


def repeated(expected: Outcome, found: Outcome) -> list[tuple[str, str, int]]:
    """The bodies that ran more often than they should have: operation id, label and attempt."""
    return [key for key, count in found.ran.items() if count > max(1, expected.ran[key])]


def _operations(expected: Outcome, found: Outcome) -> list[str]:
    said: list[str] = []
    for key in expected.operations.keys() | found.operations.keys():
        before, after = expected.operations.get(key), found.operations.get(key)
        if _is_cut_off(key, expected) or _is_cut_off(key, found):
            continue
        if before is None and after is not None:
            said.append(f"there is another operation: {_shown(after)}")
        elif after is None and before is not None:
            said.append(f"an operation is missing: {_shown(before)}")
        elif before is not None and after is not None and _shown(before) != _shown(after):
            said.append(f"{_shown(before)} became {_shown(after)}")
    return sorted(said)


def _bodies(expected: Outcome, found: Outcome) -> list[str]:
    """Bodies that ran in one run and never in the other. How often is another question."""
    before = {(key, label) for key, label, _ in expected.ran}
    after = {(key, label) for key, label, _ in found.ran}
    lost = [label for key, label in sorted(before - after) if not _is_cut_off(key, found)]
    more = [label for key, label in sorted(after - before) if not _is_cut_off(key, expected)]
    return [f"the body of {label} never ran" for label in lost] + [
        f"the body of {label} ran, and does not without a crash" for label in more
    ]


def _is_cut_off(key: str, outcome: Outcome) -> bool:
    """Whether an operation was under way when the function no longer cared, or is below one: a race's loser, say."""
    operation = outcome.operations.get(key)
    while operation is not None:
        if not operation.wire.is_terminal:
            return True
        operation = outcome.operations.get(operation.wire.parent_id or "")
    return False


def _shown(operation: OperationView) -> str:
    name = repr(operation.name) if operation.name is not None else "without a name"
    return f"{operation.kind} {name} {operation.status}"


def _because(found: Outcome, expected: Outcome) -> str:
    error = found.error or expected.error
    return f":\n    {error}" if error else ""


def _value(result: str | None) -> Any:
    try:
        return None if result is None else json.loads(result)
    except ValueError:
        return result


def _first_line(error: str | None) -> str:
    return (error or "").partition("\n")[0]


def _was_interrupted(details: Any) -> bool:
    error = getattr(getattr(details, "error", None), "payload", None)
    return error is not None and error.error_type == _INTERRUPTED
