"""One execution on an engine, a step after the other, each on the disk before it returns.

After each of our steps one bare commit of a row of the same size goes to a file beside: the floor, in the same moment.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

from benchmarks.bare import BareLog
from benchmarks.figures import Line, Measured, Probe, Results, middle, over, percentile, times, within

TITLE = "Engine, one step after the other"

_STEPS = {"ours": 300, "dbos": 40}
_WARM_UP = 5
_USUAL_ROW = 200


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 2 if quick else 7) for subject in _STEPS]


def measure(subject: str) -> Measured:
    engine = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        row = engine.run_load(f"{directory}/size.db", 1, 20).row_bytes if subject == "ours" else _USUAL_ROW
        bare = BareLog(f"{directory}/bare.db", row)
        load = engine.run_load(f"{directory}/engine.db", 1, _STEPS[subject], bare.commit)
        bare.close()
    steps, commits = load.laps[0][_WARM_UP:], load.between[_WARM_UP:]
    return {
        "seconds": steps,
        "p99": percentile(steps, 99),
        "bare": commits,
        "bare_p99": percentile(commits, 99),
        "ratio": middle(steps) / middle(commits),
        "row_bytes": row,
    }


def lines(results: Results) -> list[Line]:
    ratio = results.median("ours", "ratio")
    figures = results.medians("seconds", _STEPS, 1e3)
    p99 = results.medians("p99", _STEPS, 1e3)
    return [
        Line(
            "a step, p50; floor: a bare commit",
            "ms",
            {**figures, "bare": results.median("ours", "bare", 1e3)},
            f"≤ 3 × floor: {times(ratio)}",
            within(ratio, 3),
            results.noise("ours", "ratio"),
        ),
        Line("a step, p99; floor: a bare commit", "ms", {**p99, "bare": results.median("ours", "bare_p99", 1e3)}),
        Line(
            "a step over a bare commit in the same moment",
            "×",
            {subject: over(results.median(subject, "seconds"), results.median(subject, "bare")) for subject in _STEPS},
        ),
    ]
