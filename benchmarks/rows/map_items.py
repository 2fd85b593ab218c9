"""`map` over a thousand items with one step each, with a service that answers at once, and how it grows to there."""

from __future__ import annotations

import importlib
from time import process_time

from benchmarks.figures import Line, Measured, Probe, Results, both, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "map, one step an item"

_SUBJECTS = ("ours", "official", "async_peer")
_SIZES = (100, 1000)
_INVOCATIONS = 3


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 1 if quick else 3, {"items": items}) for items in _SIZES for subject in _SUBJECTS]


def measure(subject: str, items: int) -> Measured:
    service, marks = Service(), Marks()
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(Shape(items, kind="map"), service, marks)
    samples: list[float] = []
    processor: list[float] = []
    for _ in range(_INVOCATIONS):
        service.forget()
        event = service.event()
        began = process_time()
        answer = handler(event, LambdaContext())
        processor.append(process_time() - began)
        assert answer["Status"] == "SUCCEEDED", answer
        samples += marks.laps
    return {"seconds": samples, "processor": processor, "calls": service.calls, "threads": marks.threads}


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for items in _SIZES:
        figures = results.medians("seconds", _SUBJECTS, 1e3, items=items)
        noise = results.noise("ours", "seconds", items=items)
        asked = items == 1000
        found.append(
            Line(
                f"{items:,} items",
                "ms",
                figures,
                "≤ 150 ms" if asked else "",
                within(figures["ours"], 150) if asked else None,
                noise,
            )
        )
    calls, threads = (results.medians(figure, _SUBJECTS, items=1000) for figure in ("calls", "threads"))
    return [
        *found,
        Line("1,000 items, processor time", "ms", results.medians("processor", _SUBJECTS, 1e3, items=1000)),
        Line(
            "1,000 items, checkpoint calls",
            "calls",
            calls,
            "≤ official",
            both(within(calls["ours"], calls["official"])),
        ),
        Line("1,000 items, threads", "threads", threads, "1", within(threads["ours"], 1)),
    ]
