"""The operations of a run as a tree, with what a test asks of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, overload

import msgspec

from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import ErrorObject, epoch_seconds
from durable_lambda.tagged import plain


class OperationView:
    """One operation, as it stands."""

    def __init__(self, operation: wire.Operation) -> None:
        self.wire = operation
        """The operation as the service tells it."""
        self.children = Operations([])
        """Those of a child context, a branch, a batch."""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r} {self.status}>"

    @property
    def id(self) -> str:
        return self.wire.id

    @property
    def name(self) -> str | None:
        return self.wire.name

    @property
    def type(self) -> str:
        """STEP, WAIT, CALLBACK, CHAINED_INVOKE or CONTEXT."""
        return self.wire.type

    @property
    def sub_type(self) -> str | None:
        """What the SDK calls it: `Step`, `WaitForCondition`, `Map`, …"""
        return self.wire.sub_type

    @property
    def kind(self) -> str:
        """What assertions and snapshots call it: `step`, `wait`, `callback`, `invoke`, `map`, …"""
        return kind_of(self.wire.type, self.wire.sub_type)

    @property
    def status(self) -> str:
        """The service's word: STARTED, PENDING, READY, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT or STOPPED."""
        return self.wire.status

    @property
    def attempts(self) -> int:
        """How often the body of a step or the check of a condition has begun; 0 for any other operation."""
        if self.wire.type != "STEP":
            return 0
        ended = (self.wire.step_details or wire.StepDetails()).attempt
        return ended + 1 if self.wire.status in ("STARTED", "READY") else ended

    @property
    def result(self) -> Any:
        """The recorded result, decoded from JSON; `None` without one, the text itself where a codec wrote it."""
        text = getattr(self._details, "result", None)
        if not text:
            return None
        try:
            return msgspec.json.decode(plain(text))
        except msgspec.DecodeError:
            return text

    @property
    def error(self) -> ErrorObject | None:
        """What was recorded of its failure, or of the last attempt's."""
        return getattr(self._details, "error", None)

    @property
    def callback_id(self) -> str | None:
        """Of a callback."""
        return self.wire.callback_details.callback_id if self.wire.callback_details is not None else None

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(epoch_seconds(self.wire.start_timestamp), UTC)

    @property
    def ended_at(self) -> datetime | None:
        end = self.wire.end_timestamp
        return None if end is None else datetime.fromtimestamp(epoch_seconds(end), UTC)

    @property
    def _details(self) -> Any:
        operation = self.wire
        return (
            operation.step_details
            or operation.context_details
            or operation.callback_details
            or operation.chained_invoke_details
        )


class Operations(Sequence[OperationView]):
    """Operations of one context in the order of their start. By index, or by name: `operations["charge"]`."""

    def __init__(self, views: Sequence[OperationView]) -> None:
        self._views = list(views)

    @overload
    def __getitem__(self, key: int | str) -> OperationView: ...
    @overload
    def __getitem__(self, key: slice) -> Operations: ...
    def __getitem__(self, key: int | str | slice) -> OperationView | Operations:
        if isinstance(key, str):
            return self.named(key)
        return Operations(self._views[key]) if isinstance(key, slice) else self._views[key]

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return f"<operations {[view.name for view in self._views]}>"

    @property
    def names(self) -> list[str | None]:
        """The names of these operations, without their children's."""
        return [view.name for view in self._views]

    def all(self) -> Iterator[OperationView]:
        """These operations and everything below, each before its children."""
        for view in self._views:
            yield view
            yield from view.children.all()

    def named(self, name: str, index: int = 0) -> OperationView:
        """The operation of that name, here or anywhere below; `index` counts those of the same name.

        Raises `LookupError` when there is none, with what there is.
        """
        found = [view for view in self.all() if view.name == name]
        if -len(found) <= index < len(found):
            return found[index]
        names = [view.name for view in self.all() if view.name is not None]
        if found:
            raise LookupError(f"there are {len(found)} operations named {name!r}, so none with index {index}")
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(map(repr, names)) or "none"
        raise LookupError(f"there is no operation named {name!r}{hint} This run's: {known}")


def tree_of(operations: Sequence[wire.Operation]) -> Operations:
    """The tree of an execution's operations, the EXECUTION left out."""
    views = {operation.id: OperationView(operation) for operation in operations if operation.type != "EXECUTION"}
    children: dict[str | None, list[OperationView]] = {}
    for view in views.values():
        parent = view.wire.parent_id
        children.setdefault(parent if parent in views else None, []).append(view)
    for key, below in children.items():
        if key is not None:
            views[key].children = Operations(below)
    return Operations(children.get(None, []))


def kind_of(type_: str, sub_type: str | None) -> str:
    """An operation's kind in small letters: the sub type where that says more than the type."""
    plain = {"CHAINED_INVOKE": "invoke", "CONTEXT": "child_context"}.get(type_, type_.lower())
    special = {
        "WaitForCondition": "wait_for_condition",
        "WaitForCallback": "wait_for_callback",
        "Parallel": "parallel",
        "ParallelBranch": "branch",
        "Map": "map",
        "MapIteration": "item",
    }
    return special.get(sub_type or "", plain)
