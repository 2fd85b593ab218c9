"""Replay of completed steps, and how it grows with the history.

What a step costs is the time from the call of the handler until the last step has returned, over their number: reading
the history is part of it.
"""

from __future__ import annotations

import importlib
from time import perf_counter

from benchmarks.figures import Line, Measured, Probe, Results, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Replay of a completed step"

_SUBJECTS = ("ours", "official", "async_peer")
_HANDLERS = {"async": _SUBJECTS, "def": ("ours", "official")}
"""Who has such handlers. The official SDK has `def` only, and is measured once."""
_REPEATS = {"ours": 30, "official": 5, "async_peer": 3}


def _sizes(quick: bool) -> tuple[int, ...]:
    return (100, 1000) if quick else (100, 1000, 3000)


def _rounds(subject: str, quick: bool) -> int:
    """Ours take milliseconds: the more of them, the less one that was disturbed counts."""
    return (3 if subject == "ours" else 1) if quick else (7 if subject == "ours" else 3)


def plan(quick: bool) -> list[Probe]:
    return [
        Probe(subject, _rounds(subject, quick), {"steps": steps, "handler": kind})
        for steps in _sizes(quick)
        for kind, subjects in _HANDLERS.items()
        for subject in subjects
        if kind == "async" or subject == "ours"
    ]


def measure(subject: str, steps: int, handler: str) -> Measured:
    service, marks = Service(), Marks()
    shape = Shape(steps, handler=handler)
    function = importlib.import_module(f"benchmarks.subjects.{subject}").build(shape, service, marks)
    function(service.event(), LambdaContext())
    sent = service.calls
    samples: list[float] = []
    for number in range(1 + _REPEATS[subject]):
        event = service.event()
        began = perf_counter()
        answer = function(event, LambdaContext())
        assert answer["Status"] == "SUCCEEDED", answer
        assert service.calls == sent, "a replay sends nothing"
        if number:
            samples.append((marks.ended - began) / steps)
    return {"seconds": samples, "lap": list(marks.laps)}


def lines(results: Results) -> list[Line]:
    return [
        found
        for steps in _sizes(False)
        for kind, subjects in _HANDLERS.items()
        if (found := _line(results, steps, kind, subjects)) is not None
    ]


def _line(results: Results, steps: int, kind: str, subjects: tuple[str, ...]) -> Line | None:
    figures = results.medians("seconds", subjects, 1e6, steps=steps, handler="async")
    if kind == "def":
        figures |= results.medians("seconds", ("ours",), 1e6, steps=steps, handler=kind)
    if figures["ours"] is None:
        return None
    return Line(
        f"a history of {steps:,}" + (", def handler" if kind == "def" else ""),
        "µs",
        figures,
        "≤ 6 µs",
        within(figures["ours"], 6),
        results.noise("ours", "seconds", steps=steps, handler=kind),
    )
