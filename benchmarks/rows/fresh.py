"""A step that runs for the first time, with a service that answers at once: all that is left is the library.

The floor of a `def` body in an async function is the hop to a thread and back, with nothing else.
"""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from benchmarks.figures import Line, Measured, Probe, Results, percentile, within
from benchmarks.service import Service
from benchmarks.subjects import LambdaContext, Marks, Shape

TITLE = "Fresh step, instant service"

_BODIES = {"async": ("ours", "async_peer"), "def": ("ours", "official", "bare"), "blocking": ("ours", "official")}
"""What is `async def` or `def`: the body, in a handler that is an `async def` where a library has that; `blocking`: in
one that is a `def`."""
_NAMES = {"async": "async def body", "def": "def body (ours: on a thread)", "blocking": "def body in a def handler"}
_ASKS = {"async": 100.0, "def": 250.0, "blocking": 100.0}
_STEPS = 200
_INVOCATIONS = 4


def plan(quick: bool) -> list[Probe]:
    return [
        Probe(subject, 2 if quick else 7, {"body": body}) for body, subjects in _BODIES.items() for subject in subjects
    ]


def measure(subject: str, body: str) -> Measured:
    if subject == "bare":
        return {"seconds": asyncio.run(_hops())}
    service, marks = Service(), Marks()
    shape = Shape(_STEPS, "def", "def") if body == "blocking" else Shape(_STEPS, body)
    handler = importlib.import_module(f"benchmarks.subjects.{subject}").build(shape, service, marks)
    samples: list[float] = []
    for number in range(_INVOCATIONS):
        service.forget()
        answer = handler(service.event(), LambdaContext())
        assert answer["Status"] == "SUCCEEDED", answer
        if number:
            samples += marks.laps
    return {"seconds": samples, "p99": percentile(samples, 99), "calls": service.calls / _STEPS}


async def _hops() -> list[float]:
    """Seconds that a call on a thread takes whose result is awaited."""
    samples: list[float] = []
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as threads:
        for _ in range(_STEPS * _INVOCATIONS):
            began = perf_counter()
            await loop.run_in_executor(threads, int)
            samples.append(perf_counter() - began)
    return samples[_STEPS:]


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for body, subjects in _BODIES.items():
        where = _NAMES[body]
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
