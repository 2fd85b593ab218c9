"""A hundred executions at once on an engine: how many steps a second, and how long the slowest wait for theirs.

The floor is the bare database with group commit: transactions of a hundred rows, in the same process, just after.
"""

from __future__ import annotations

import importlib
import itertools
import tempfile
from pathlib import Path

from benchmarks.bare import BareLog
from benchmarks.figures import Line, Measured, Probe, Results, both, percentile, within

TITLE = "Engine and SDK, 100 executions at once"

_EXECUTIONS = 100
_STEPS = {"ours": 50, "dbos": 10}
_GROUPS = 50


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 1 if quick else 5) for subject in _STEPS]


def measure(subject: str) -> Measured:
    engine = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        load = engine.run_load(f"{directory}/engine.db", _EXECUTIONS, _STEPS[subject])
        bare = BareLog(f"{directory}/bare.db", load.row_bytes or 200)
        groups = sum(bare.commit(_EXECUTIONS) for _ in range(_GROUPS))
        bare.close()
    laps = list(itertools.chain.from_iterable(load.laps))
    return {
        "per_second": len(laps) / load.seconds,
        "seconds": laps,
        "p99": percentile(laps, 99),
        "bare_per_second": _GROUPS * _EXECUTIONS / groups,
    }


def lines(results: Results) -> list[Line]:
    rates = results.medians("per_second", _STEPS)
    p99 = results.medians("p99", _STEPS, 1e3)
    return [
        Line(
            "steps a second; floor: rows a second in groups of 100",
            "1/s",
            {**rates, "bare": results.median("ours", "bare_per_second")},
            "≥ 5,000/s",
            None if rates["ours"] is None else rates["ours"] >= 5000,
            results.noise("ours", "per_second"),
            more_is_better=True,
        ),
        Line("a step as the function sees it, p50", "ms", results.medians("seconds", _STEPS, 1e3)),
        Line(
            "a step as the function sees it, p99",
            "ms",
            p99,
            "≤ 50 ms",
            both(within(p99["ours"], 50)),
            results.noise("ours", "p99"),
        ),
    ]
