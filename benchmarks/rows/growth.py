"""How the engine grows: operations in one execution, executions at once, and the memory of both. Ours alone; beside
DBOS, and to larger numbers, in `growth_embedded` and `growth_served`, which take their time.
"""

from __future__ import annotations

import importlib
import itertools
import tempfile
from pathlib import Path

from benchmarks.figures import Line, Measured, Probe, Results, percentile
from benchmarks.rows.memory import PEAK_MEMORY

TITLE = "Growth of the engine"

_IN_ONE = (100, 1000, 3000)
_AT_ONCE = (1, 10, 100, 1000)
_STEPS_EACH = 10
_DAY = 86_400


def plan(quick: bool) -> list[Probe]:
    rounds = 1 if quick else 3
    in_one, at_once = (_IN_ONE[:2], _AT_ONCE[:3]) if quick else (_IN_ONE, _AT_ONCE)
    return [
        *(Probe("ours", rounds, {"kind": "in_one", "count": count}) for count in in_one),
        *(Probe("ours", rounds, {"kind": "at_once", "count": count}) for count in at_once),
        *(Probe("ours", rounds, {"kind": "waiting", "count": count}) for count in at_once),
    ]


def measure(subject: str, kind: str, count: int) -> Measured:
    engine = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    before = _peak_mib()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        path = f"{directory}/engine.db"
        if kind == "waiting":
            engine.wait_all(path, count, _DAY, lambda: None)
            return {"mib": _peak_mib(), "added_mib": _peak_mib() - before}
        load = engine.run_load(path, 1, count) if kind == "in_one" else engine.run_load(path, count, _STEPS_EACH)
    laps = list(itertools.chain.from_iterable(load.laps))
    return {
        "seconds": laps,
        "first": laps[:50],
        "last": laps[-50:],
        "p99": percentile(laps, 99),
        "per_second": len(laps) / load.seconds,
        "mib": _peak_mib(),
        "added_mib": _peak_mib() - before,
    }


def _peak_mib() -> float:
    found: dict[str, int] = {}
    exec(PEAK_MEMORY, found)
    return found["kib"] / 1024


def lines(results: Results) -> list[Line]:
    found: list[Line] = []
    for count in _IN_ONE:
        it = {"kind": "in_one", "count": count}
        noise = results.noise("ours", "seconds", **it)
        title = f"{count:,} steps in one execution"
        found += [
            Line(f"{title}: a step, p50", "ms", results.medians("seconds", ["ours"], 1e3, **it), noise=noise),
            Line(f"{title}: the last 50 of them, p50", "ms", results.medians("last", ["ours"], 1e3, **it)),
            Line(f"{title}: peak memory", "MiB", results.medians("mib", ["ours"], **it)),
        ]
    for count in _AT_ONCE:
        it = {"kind": "at_once", "count": count}
        noise = results.noise("ours", "per_second", **it)
        title = f"{count:,} executions at once"
        found += [
            Line(f"{title}: steps a second", "1/s", results.medians("per_second", ["ours"], **it), noise=noise),
            Line(f"{title}: a step, p99", "ms", results.medians("p99", ["ours"], 1e3, **it)),
        ]
    found += [
        Line(
            f"{count:,} executions that wait: peak memory",
            "MiB",
            results.medians("mib", ["ours"], kind="waiting", count=count),
        )
        for count in _AT_ONCE
    ]
    return [line for line in found if line.figures["ours"] is not None]
