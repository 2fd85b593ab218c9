"""A step that runs for the first time, with a service that takes 20 ms: what the library adds to a real one."""

from __future__ import annotations

import importlib

from benchmarks.figures import Line, Measured, Probe, Results, both, middle, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Fresh step, service of 20 ms"

_SUBJECTS = ("ours", "official", "async_peer")
_DELAY = 0.02
_STEPS = 40


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 1 if quick else 5) for subject in _SUBJECTS]


def measure(subject: str) -> Measured:
    service, marks = Service(_DELAY), Marks()
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(Shape(_STEPS), service, marks)
    answer = handler(service.event(), LambdaContext())
    assert answer["Status"] == "SUCCEEDED", answer
    step, service_alone = middle(marks.laps), middle(service.took)
    return {"step": step, "added": step - service_alone, "calls": service.calls / _STEPS}


def lines(results: Results) -> list[Line]:
    added = results.medians("added", _SUBJECTS, 1e3)
    calls = results.medians("calls", _SUBJECTS)
    return [
        Line("a step", "ms", results.medians("step", _SUBJECTS, 1e3), noise=results.noise("ours", "step")),
        Line(
            "… above the service's own median",
            "ms",
            added,
            "≤ 0.5 ms, one call a step",
            both(within(added["ours"], 0.5), within(calls["ours"], 1)),
            results.noise("ours", "added"),
        ),
        Line("… calls a step", "calls", calls),
    ]
