"""A step that runs for the first time, with a service that answers at once: all that is left is the library."""

from __future__ import annotations

import importlib

from benchmarks.figures import Line, Measured, Probe, Results, percentile, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Fresh step, instant service"

_BODIES = {"async": ("ours", "async_peer"), "def": ("ours", "official")}
_ASKS = {"async": 100.0, "def": 250.0}
_STEPS = 200
_INVOCATIONS = 4


def plan(quick: bool) -> list[Probe]:
    return [
        Probe(subject, 2 if quick else 7, {"body": body}) for body, subjects in _BODIES.items() for subject in subjects
    ]


def measure(subject: str, body: str) -> Measured:
    service, marks = Service(), Marks()
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(Shape(_STEPS, body), service, marks)
    samples: list[float] = []
    for number in range(_INVOCATIONS):
        service.forget()
        answer = handler(service.event(), LambdaContext())
        assert answer["Status"] == "SUCCEEDED", answer
        if number:
            samples += marks.laps
    return {"seconds": samples, "p99": percentile(samples, 99), "calls": service.calls / _STEPS}


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for body, subjects in _BODIES.items():
        where = "async def body" if body == "async" else "def body (ours: on a thread)"
        figures = results.medians("seconds", subjects, 1e6, body=body)
        found += [
            Line(
                where,
                "µs",
                figures,
                f"≤ {_ASKS[body]:.0f} µs",
                within(figures["ours"], _ASKS[body]),
                results.noise("ours", "seconds", body=body),
            ),
            Line(f"{where}, p99", "µs", results.medians("p99", subjects, 1e6, body=body)),
            Line(f"{where}, calls a step", "calls", results.medians("calls", subjects, body=body)),
        ]
    return found
