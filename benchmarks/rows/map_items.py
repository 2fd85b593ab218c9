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
_BLOCKING_THREADS = 64 + 2
"""What branches of our `def` handlers may have, beside the main thread and the one that looks after the loop."""
_INVOCATIONS = 3


def plan(quick: bool) -> list[Probe]:
    rounds = 1 if quick else 3
    return [
        *(Probe(subject, rounds, {"items": items, "kind": "async"}) for items in _SIZES for subject in _SUBJECTS),
        Probe("ours", rounds, {"items": 1000, "kind": "def"}),
    ]


def measure(subject: str, items: int, kind: str) -> Measured:
    service, marks = Service(), Marks()
    shape = Shape(items, handler=kind, kind="map")
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(shape, service, marks)
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
        figures = results.medians("seconds", _SUBJECTS, 1e3, items=items, kind="async")
        noise = results.noise("ours", "seconds", items=items, kind="async")
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
    calls, threads = (results.medians(figure, _SUBJECTS, items=1000, kind="async") for figure in ("calls", "threads"))
    return [
        *found,
        Line(
            "1,000 items, processor time", "ms", results.medians("processor", _SUBJECTS, 1e3, items=1000, kind="async")
        ),
        Line(
            "1,000 items, checkpoint calls",
            "calls",
            calls,
            "≤ official",
            both(within(calls["ours"], calls["official"])),
        ),
        Line("1,000 items, threads", "threads", threads, "1", within(threads["ours"], 1)),
        *_blocking(results),
    ]


def _blocking(results: Results) -> list[Line]:
    """Our `def` handlers beside those of the official SDK, which has no others."""

    def figures(name: str, scale: float = 1.0) -> dict[str, float | None]:
        of_official = results.medians(name, ("official",), scale, items=1000, kind="async")
        return results.medians(name, ("ours",), scale, items=1000, kind="def") | of_official

    seconds, calls, threads = figures("seconds", 1e3), figures("calls"), figures("threads")
    noise = results.noise("ours", "seconds", items=1000, kind="def")
    return [
        Line("1,000 items, def handler", "ms", seconds, noise=noise),
        Line(
            "1,000 items, def handler, checkpoint calls",
            "calls",
            calls,
            "≤ official",
            within(calls["ours"], calls["official"]),
        ),
        Line(
            "1,000 items, def handler, threads",
            "threads",
            threads,
            f"≤ {_BLOCKING_THREADS}",
            within(threads["ours"], _BLOCKING_THREADS),
        ),
    ]
