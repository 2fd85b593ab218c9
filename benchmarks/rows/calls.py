"""How many checkpoint calls a function makes: each is a round trip that somebody waits and pays for."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.figures import Line, Measured, Probe, Results, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Checkpoint calls"

_SUBJECTS = ("ours", "official", "async_peer")
_SHAPES: dict[str, dict[str, Any]] = {
    "5 steps": {"steps": 5, "kind": "sequence"},
    "child context with 1 step": {"steps": 1, "kind": "child"},
    "parallel of 3 branches with 1 step each": {"steps": 3, "kind": "parallel"},
}
_ASKS = {"5 steps": 5, "child context with 1 step": 2, "parallel of 3 branches with 1 step each": 3}


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 1, shape) for shape in _SHAPES.values() for subject in _SUBJECTS]


def measure(subject: str, steps: int, kind: str) -> Measured:
    service = Service()
    shape = Shape(steps, kind=kind)
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(shape, service, Marks())
    answer = handler(service.event(), LambdaContext())
    assert answer["Status"] == "SUCCEEDED", answer
    return {"calls": service.calls}


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for what, shape in _SHAPES.items():
        figures = results.medians("calls", _SUBJECTS, **shape)
        found.append(Line(what, "calls", figures, f"≤ {_ASKS[what]}", within(figures["ours"], _ASKS[what])))
    return found
