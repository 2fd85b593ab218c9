"""When each operation of a run took place, drawn as bars."""

from __future__ import annotations

from datetime import datetime

from durable_lambda.drawing.tree import columns
from durable_lambda.drawing.words import duration
from durable_lambda.testing.operations import Operations, OperationView


def timeline(operations: Operations, width: int) -> str:
    """One line an operation, in the order of their start: its name, a bar on a common scale, how long it took."""
    views = list(operations.all())
    if not views:
        return "(no operations)"
    begin = min(view.started_at for view in views)
    end = max(view.ended_at or view.started_at for view in views)
    scale = max((end - begin).total_seconds(), 0.001) / width
    return "\n".join(columns([_line(view, begin, end, scale, width) for view in views]))


def _line(view: OperationView, begin: datetime, end: datetime, scale: float, width: int) -> tuple[str, str, str]:
    until = view.ended_at or end
    start = min(int((view.started_at - begin).total_seconds() / scale), width - 1)
    length = max(1, min(round((until - view.started_at).total_seconds() / scale), width - start))
    took = duration((until - view.started_at).total_seconds()) if view.ended_at else view.status.lower()
    return f"{view.kind} {view.name or ''}".rstrip(), " " * start + "█" * length, took
