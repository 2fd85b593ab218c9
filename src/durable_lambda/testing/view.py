"""What a run tells, wherever it runs: its outcome, its operations as a tree, its history, what it waits for."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from durable_lambda.drawing import tree as drawing
from durable_lambda.drawing.words import failure_text
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.outcome import result_of
from durable_lambda.protocol.events import Event, event_to_wire
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.testing.operations import Operations, OperationView, tree_of
from durable_lambda.testing.shape import shape_of
from durable_lambda.testing.timeline import timeline


class NotEndedError(AssertionError):
    """A test asked for the result of a run that waits for something; the message tells for what."""


class RunView(ABC):
    """An execution as it stands."""

    def __init__(self, function: str, execution_name: str) -> None:
        self.function = function
        """The name of its function."""
        self.execution_name = execution_name
        """Its own name."""

    def __repr__(self) -> str:
        return f"<run of {self.function}: {self.status}{self._waits()}>"

    @property
    @abstractmethod
    def ended(self) -> ExecutionEnded | None:
        """How it ended, as it is recorded; `None` while it has not."""

    @property
    @abstractmethod
    def history(self) -> list[Event]:
        """Its events, as an engine records them: those of `durable history` and `GetDurableExecutionHistory`."""

    @property
    @abstractmethod
    def wire_operations(self) -> Sequence[Operation]:
        """Its operations as the service tells them, the EXECUTION first."""

    @property
    @abstractmethod
    def now(self) -> datetime:
        """The time of the test."""

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or STOPPED. RUNNING is one that waits for an answer, or for time."""
        ended = self.ended
        return "RUNNING" if ended is None else ended.status

    @property
    def result(self) -> Any:
        """The result, decoded from JSON.

        Raises:
            ExecutionFailedError: The execution failed; `run.error` has what was recorded. `ExecutionTimedOutError`,
                `ExecutionStoppedError`: likewise.
            NotEndedError: It has not ended, and waits for what the message tells.
        """
        ended = self.ended
        if ended is None:
            raise NotEndedError(f"the execution has no result: it is RUNNING{self._waits()}\n{self.tree()}")
        return result_of(self.execution_name, ended)

    @property
    def error(self) -> ErrorObject | None:
        """What was recorded of the failure (`error_type`, `error_message`, …); `None` unless it ended with one."""
        ended = self.ended
        return None if ended is None else ended.error

    @property
    def invocations(self) -> int:
        """How often the function was invoked."""
        return sum(event.event_type == "InvocationCompleted" for event in self.history)

    def history_json(self) -> dict[str, Any]:
        """The history as the service tells it, for a file: `{"Events": […]}`."""
        return {"Events": [event_to_wire(event) for event in self.history]}

    @property
    def operations(self) -> Operations:
        """Its operations as a tree."""
        return tree_of(self.wire_operations)

    def operation(self, name: str, index: int = 0) -> OperationView:
        """The operation of a name, wherever in the tree. Raises `LookupError` when there is none."""
        return self.operations.named(name, index)

    @property
    def waiting_for(self) -> list[str]:
        """What it waits for, each with what lets it go on: empty when it has ended."""
        return [_waits_for(view) for view in self._blocked()]

    @property
    def open_callbacks(self) -> list[str]:
        """The names of the callbacks that are waited for, as `send_callback_success` takes them."""
        return [_short_name(view) for view in self._blocked() if view.type == "CALLBACK"]

    def tree(self) -> str:
        """The operations as text, one a line, children below their context; and what the execution failed with."""
        return "\n".join([self.outline(), *([failure_text(self.error)] if self.error is not None else [])])

    def outline(self) -> str:
        """The operations of `tree()` alone."""
        shown = drawing.view(self.wire_operations, self.now.timestamp())
        return "\n".join([shown.heading(), *(drawing.lines(shown.rows) or ["(no operations)"])])

    def print_tree(self, file: TextIO | None = None) -> None:
        """Print `tree()`."""
        print(self.tree(), file=file or sys.stdout)

    def timeline(self, width: int = 60) -> str:
        """When each operation ran, as bars below each other."""
        return timeline(self.operations, width)

    def shape(self) -> str:
        """The operations without times, ids and results, one a line: what `assert_shape` compares."""
        return shape_of(self.operations)

    def open_callback_id(self, name: str, index: int) -> str:
        """The id of a callback that is waited for. Raises `LookupError` when none is."""
        callbacks = [view for view in self._blocked() if view.type == "CALLBACK"]
        found = [view for view in callbacks if view.name in (name, f"{name} create callback id")]
        if -len(found) <= index < len(found) and found[index].callback_id:
            return found[index].callback_id or ""
        known = ", ".join(repr(_short_name(view)) for view in callbacks) or "none"
        raise LookupError(
            f"no callback named {name!r} is waited for"
            + (f" with index {index}" if index else "")
            + f"; waited for: {known}. The execution is {self.status}.\n{self.tree()}"
        )

    def _blocked(self) -> list[OperationView]:
        if self.ended is not None:
            return []
        return [view for view in self.operations.all() if view.status == "PENDING" or _is_left_to_others(view)]

    def _waits(self) -> str:
        waiting = self.waiting_for
        return f", waiting for {'; '.join(waiting)}" if waiting else ""


def _short_name(view: OperationView) -> str:
    """The name by which a test answers a callback."""
    return (view.name or "").removesuffix(" create callback id")


def _waits_for(view: OperationView) -> str:
    if view.type == "CALLBACK":
        name = _short_name(view)
        return f"callback {name!r}: run.send_callback_success({name!r}, value), then run.run()"
    if view.type == "CHAINED_INVOKE":
        return f"invoke {view.name!r}"
    return f"{view.kind} {view.name!r}: run.advance(…)"


def _is_left_to_others(view: OperationView) -> bool:
    return view.status == "STARTED" and view.type in ("WAIT", "CALLBACK", "CHAINED_INVOKE")
