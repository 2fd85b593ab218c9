"""How an engine in a program grows with the number of executions in its file: those that have ended, those that wait.

One process starts them all at once and is killed when they have ended, or wait; a new one opens the file and reads.
What is not done within the patience of the row has no figure: DBOS does some 300 steps a second, whatever the number.
"""

from __future__ import annotations

import importlib
import itertools
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import Line, Measured, Probe, Results, percentile
from benchmarks.rows.memory import now_and_peak_mib

TITLE = "Growth with the number of executions, embedded (long)"

COUNTS = (10, 100, 1_000, 10_000)
STEPS = 2
PATIENCE = 240
"""Seconds until a number of executions is given up."""
LIMIT_SECONDS = PATIENCE + 120
READS = 50
PAGE = 100
SUBJECTS = ("ours", "dbos")
KINDS = ("ended", "waiting")
_DAY = 86_400


def plan(quick: bool) -> list[Probe]:
    return [
        Probe(subject, 1 if quick or (subject, count) == ("dbos", 10_000) else 3, {"kind": kind, "count": count})
        for kind in KINDS
        for count in (COUNTS[:2] if quick else COUNTS)
        for subject in SUBJECTS
    ]


def measure(subject: str, kind: str, count: int) -> Measured:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        filled = _told("fill", subject, directory, kind, str(count))
        if filled is None:
            return {"unreached": 1}
        size = sum(path.stat().st_size for path in Path(directory).glob("engine.db*")) / 2**20
        looked = _told("look", subject, directory, kind, str(count))
    return {**filled, **(looked or {}), "file_mib": size}


def _told(role: str, *arguments: str) -> Measured | None:
    """What a process of its own prints; then it is killed, since a thousand of its threads may wait for tomorrow."""
    root = str(Path(__file__).resolve().parents[2])
    code = f"import sys; sys.path.insert(0, {root!r})\nimport {__name__} as row; row.{role}(*sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    try:
        line = process.stdout.readline()
    finally:
        patience.cancel()
        process.kill()
        process.communicate()
    return json.loads(line) if line else None


def fill(subject: str, directory: str, kind: str, count: str) -> None:
    """Have so many executions end, or wait."""
    engine: Any = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    if kind == "waiting":
        engine.wait_all(f"{directory}/engine.db", int(count), _DAY, lambda: _tell(_memory()))
        return
    load = engine.run_load(f"{directory}/engine.db", int(count), STEPS)
    laps = list(itertools.chain.from_iterable(load.laps))
    _tell({"per_second": len(laps) / load.seconds, "p99": percentile(laps, 99), **_memory()})


def look(subject: str, directory: str, kind: str, count: str) -> None:
    """Open the file anew, and read."""
    engine: Any = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    began = perf_counter()
    reader = engine.Reader(f"{directory}/engine.db")
    opened = perf_counter() - began
    names = reader.page(PAGE)
    pages = [_seconds(lambda: reader.page(PAGE)) for _ in range(READS)]
    reads = [_seconds(lambda name=name: reader.read(name)) for name in names[:READS]]
    _tell({"open": opened, "page": pages, "read": reads, "reopened_mib": now_and_peak_mib()[0]})


def _memory() -> Measured:
    now, peak = now_and_peak_mib()
    return {"mib": now, "peak_mib": peak}


def _seconds(action: Callable[[], object]) -> float:
    began = perf_counter()
    action()
    return perf_counter() - began


def _tell(measured: Measured) -> None:
    print(json.dumps(measured), flush=True)
    threading.Event().wait()


def lines(results: Results) -> list[Line]:
    return growth_lines(results, "from the end of the imports until it is open")


def growth_lines(results: Results, start: str) -> list[Line]:
    """The table of both rows on growth."""
    found: list[Line] = []
    for kind, count in itertools.product(KINDS, COUNTS):
        it = {"kind": kind, "count": count}
        what = f"{count:,} that {'have ended' if kind == 'ended' else 'wait'}"
        unreached = [subject for subject in SUBJECTS if results.median(subject, "unreached", **it)]
        note = ", ".join(f"{subject}: not within {PATIENCE} s" for subject in unreached)
        for title, unit, figure, scale in (
            ("steps a second, all at once", "1/s", "per_second", 1.0),
            ("a step, p99", "ms", "p99", 1e3),
            ("memory then", "MiB", "mib", 1.0),
            ("the file", "MiB", "file_mib", 1.0),
            (start, "s", "open", 1.0),
            ("memory after that", "MiB", "reopened_mib", 1.0),
            (f"a page of {PAGE}, p50", "ms", "page", 1e3),
            ("one of them, p50", "ms", "read", 1e3),
        ):
            figures = results.medians(figure, SUBJECTS, scale, **it)
            if any(value is not None for value in figures.values()):
                noise = results.noise("ours", figure, **it)
                more = figure == "per_second"
                found.append(Line(f"{what}: {title}", unit, figures, note, noise=noise, more_is_better=more))
    return found
