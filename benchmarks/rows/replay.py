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
_REPEATS = {"ours": 30, "official": 5, "async_peer": 3}


def _sizes(quick: bool) -> tuple[int, ...]:
    return (100, 1000) if quick else (100, 1000, 3000)


def _rounds(subject: str, quick: bool) -> int:
    """Ours take milliseconds: the more of them, the less one that was disturbed counts."""
    return (3 if subject == "ours" else 1) if quick else (7 if subject == "ours" else 3)


def plan(quick: bool) -> list[Probe]:
    return [
        Probe(subject, _rounds(subject, quick), {"steps": steps}) for steps in _sizes(quick) for subject in _SUBJECTS
    ]


def measure(subject: str, steps: int) -> Measured:
    service, marks = Service(), Marks()
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(Shape(steps), service, marks)
    handler(service.event(), LambdaContext())
    sent = service.calls
    samples: list[float] = []
    for number in range(1 + _REPEATS[subject]):
        event = service.event()
        began = perf_counter()
        answer = handler(event, LambdaContext())
        assert answer["Status"] == "SUCCEEDED", answer
        assert service.calls == sent, "a replay sends nothing"
        if number:
            samples.append((marks.ended - began) / steps)
    return {"seconds": samples, "lap": list(marks.laps)}


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for steps in _sizes(False):
        figures = results.medians("seconds", _SUBJECTS, 1e6, steps=steps)
        if figures["ours"] is not None:
            found.append(
                Line(
                    f"a history of {steps:,}",
                    "µs",
                    figures,
                    "≤ 6 µs",
                    within(figures["ours"], 6),
                    results.noise("ours", "seconds", steps=steps),
                )
            )
    return found
