"""Over HTTP, a hundred executions at once, each on a connection of its own, from the first POST to the last result.

The floor is a server of the same parts as ours that stores nothing, under as many connections.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import served
from benchmarks.figures import Line, Measured, Probe, Results, percentile, within
from benchmarks.http_client import Client

TITLE = "Over HTTP, 100 executions at once"

ENVIRONMENTS = served.ENVIRONMENTS
WORKERS = 2
_EXECUTIONS = 100
_EXCHANGES = 2000
_SUBJECTS = ("ours", "dbos")


def plan(quick: bool) -> list[Probe]:
    rounds = 1 if quick else 3
    return [
        Probe("ours", rounds, {"steps": 50}),
        Probe("dbos", rounds, {"steps": 10}),
        Probe("bare", rounds, {"steps": 0}),
        Probe("ours", rounds, {"steps": 10, "workers": WORKERS}),
    ]


def measure(subject: str, steps: int, workers: int = 0) -> Measured:
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as directory,
        served.Serving(subject, directory, workers=workers) as server,
    ):
        return asyncio.run(_drive(server, steps))


async def _drive(server: served.Serving, steps: int) -> Measured:
    dialect = server.dialect
    requests = [dialect.run("steps", number, steps) for number in range(_EXECUTIONS if steps else _EXCHANGES)]
    async with Client(server.port, _EXECUTIONS) as client:
        await client.ask(dialect.run("steps", len(requests), 1))
        began = perf_counter()
        answers = await asyncio.gather(*map(client.ask, requests))
        seconds = perf_counter() - began
    if not steps:
        return {"exchanges": len(requests) / seconds}
    laps = list(itertools.chain.from_iterable(dialect.laps(answer, is_read=False) for answer in answers))
    return {"per_second": len(laps) / seconds, "seconds": laps, "p99": percentile(laps, 99)}


def lines(results: Results) -> list[Line]:
    ours, workers = {"steps": 50}, {"steps": 10, "workers": WORKERS}

    def figures(figure: str, scale: float) -> dict[str, float | None]:
        return {
            "ours": results.median("ours", figure, scale, **ours),
            "dbos": results.median("dbos", figure, scale, steps=10),
        }

    p99 = figures("p99", 1e3)
    return [
        Line(
            "steps a second",
            "1/s",
            figures("per_second", 1),
            noise=results.noise("ours", "per_second", **ours),
            more_is_better=True,
        ),
        Line("a step as the function sees it, p50", "ms", figures("seconds", 1e3)),
        Line("… p99", "ms", p99, "≤ 50 ms", within(p99["ours"], 50), results.noise("ours", "p99", **ours)),
        Line(
            "floor: exchanges a second, nothing stored", "1/s", {"bare": results.median("bare", "exchanges", steps=0)}
        ),
        Line(
            f"with --workers {WORKERS}: steps a second",
            "1/s",
            results.medians("per_second", ["ours"], **workers),
            noise=results.noise("ours", "per_second", **workers),
        ),
        Line("… a step as the function sees it, p99", "ms", results.medians("p99", ["ours"], 1e3, **workers)),
    ]
