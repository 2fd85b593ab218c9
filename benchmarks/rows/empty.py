"""An invocation of a warm function that does nothing: what every invocation pays."""

from __future__ import annotations

import importlib
from time import perf_counter

from benchmarks.figures import Line, Measured, Probe, Results, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Empty invocation"

_INVOCATIONS = {"ours": 300, "official": 8, "async_peer": 300}
_WARM_UP = 3


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 2 if quick else 5) for subject in _INVOCATIONS]


def measure(subject: str) -> Measured:
    service = Service()
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(Shape(), service, Marks())
    samples: list[float] = []
    for number in range(_WARM_UP + _INVOCATIONS[subject]):
        event = service.event()
        began = perf_counter()
        answer = handler(event, LambdaContext())
        took = perf_counter() - began
        assert answer["Status"] == "SUCCEEDED", answer
        if number >= _WARM_UP:
            samples.append(took)
    return {"seconds": samples}


def lines(results: Results) -> list[Line]:
    figures = results.medians("seconds", _INVOCATIONS, 1e3)
    return [
        Line(
            "call of the handler to its answer",
            "ms",
            figures,
            "≤ 0.5 ms",
            within(figures["ours"], 0.5),
            results.noise("ours", "seconds"),
        )
    ]
