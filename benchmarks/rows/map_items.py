"""`map` over a thousand items with one step each, with a service that answers at once, and how it grows to there."""

from __future__ import annotations

import importlib
import resource
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

from benchmarks.figures import Line, Measured, Probe, Results, both, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "map, one step an item"

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

_SUBJECTS = ("ours", "official", "async_peer")
_SIZES = (100, 1000)
_BLOCKING_THREADS = 128 + 3
"""What branches of our `def` handlers may have, beside the main thread, the one that looks after the loop, and one that
has just been done."""
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
    before = _peak_mib()
    for _ in range(_INVOCATIONS):
        service.forget()
        event = service.event()
        began = process_time()
        answer = handler(event, LambdaContext())
        processor.append(process_time() - began)
        assert answer["Status"] == "SUCCEEDED", answer
        samples += marks.laps
    calls, memory = service.calls, _peak_mib() - before
    return {
        "seconds": samples,
        "processor": processor,
        "calls": calls,
        "threads": marks.threads,
        "memory": memory,
        "replayed": _replayed(handler, service, marks),
    }


def _replayed(handler: Handler, service: Service, marks: Marks) -> list[float]:
    """Seconds of the map in invocations that find it done."""
    found: list[float] = []
    for _ in range(_INVOCATIONS):
        answer = handler(service.event(), LambdaContext())
        assert answer["Status"] == "SUCCEEDED", answer
        found += marks.laps
    return found


def _peak_mib() -> float:
    """The most memory that this process has used until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * (1024 if sys.platform == "darwin" else 1))


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
        Line(
            "1,000 items, memory on top of the imports",
            "MiB",
            results.medians("memory", _SUBJECTS, items=1000, kind="async"),
        ),
        Line("1,000 items, replayed", "ms", results.medians("replayed", _SUBJECTS, 1e3, items=1000, kind="async")),
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
        Line("1,000 items, def handler, memory on top of the imports", "MiB", figures("memory")),
        Line("1,000 items, def handler, replayed", "ms", figures("replayed", 1e3)),
    ]
