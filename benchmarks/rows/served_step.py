"""Over HTTP, one execution after the other: one step each, on one connection that stays open, from POST to result.

Ours is `durable serve` and its Invoke, which answers when the execution has ended; DBOS is an endpoint that runs the
workflow and returns its result. The floor is the same bytes, sent to a server of the same parts as ours that reads
them, answers, and stores nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import served
from benchmarks.figures import Line, Measured, Probe, Results, percentile
from benchmarks.http_client import Client

TITLE = "Over HTTP, one execution after the other"

ENVIRONMENTS = served.ENVIRONMENTS
WORKERS = 2
_SUBJECTS = ("ours", "dbos", "bare")
_EXECUTIONS = {"ours": 200, "dbos": 40, "bare": 200}
_WARM_UP = 20
_LONG = 40
"""Steps of the execution whose steps are looked at."""


def plan(quick: bool) -> list[Probe]:
    rounds = 1 if quick else 3
    return [
        Probe("ours", rounds),
        Probe("dbos", rounds),
        Probe("bare", rounds),
        Probe("ours", rounds, {"workers": WORKERS}),
    ]


def measure(subject: str, workers: int = 0) -> Measured:
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as directory,
        served.Serving(subject, directory, workers=workers) as server,
    ):
        return asyncio.run(_drive(server, _EXECUTIONS[subject]))


async def _drive(server: served.Serving, executions: int) -> Measured:
    dialect = server.dialect
    requests = [dialect.run("steps", number, 1) for number in range(_WARM_UP + executions)]
    long = dialect.run("steps", len(requests), _LONG)
    took: list[float] = []
    async with Client(server.port) as client:
        for request in requests:
            began = perf_counter()
            await client.ask(request)
            took.append(perf_counter() - began)
        laps = dialect.laps(await client.ask(long), is_read=False)
    return {"seconds": took[_WARM_UP:], "p99": percentile(took[_WARM_UP:], 99), "step": laps or None}


def lines(results: Results) -> list[Line]:
    workers = {"workers": WORKERS}
    return [
        Line(
            "start to result, p50; floor: an exchange that stores nothing",
            "ms",
            results.medians("seconds", _SUBJECTS, 1e3),
            noise=results.noise("ours", "seconds"),
        ),
        Line("… p99", "ms", results.medians("p99", _SUBJECTS, 1e3)),
        Line("a step as the function sees it, p50", "ms", results.medians("step", _SUBJECTS, 1e3)),
        Line(
            f"with --workers {WORKERS}: start to result, p50",
            "ms",
            results.medians("seconds", ["ours"], 1e3, **workers),
        ),
        Line("… p99", "ms", results.medians("p99", ["ours"], 1e3, **workers)),
        Line("… a step as the function sees it, p50", "ms", results.medians("step", ["ours"], 1e3, **workers)),
    ]
