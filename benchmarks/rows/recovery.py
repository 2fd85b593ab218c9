"""`kill -9` with a hundred executions in flight, and how long until a new process has resumed them all.

Each execution has done three steps and is in its fourth when the process dies. Every body leaves a line in a file, so
that a completed step that ran again is found.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Line, Measured, Probe, Results, within

TITLE = "kill -9 with 100 executions in flight"

_SUBJECTS = ("ours", "dbos")
_EXECUTIONS = 100
_STEPS = 3
_UNTIL_STORED = 0.3
"""Seconds between the last body's begin and the kill, so that what is sent late is stored."""


def plan(quick: bool) -> list[Probe]:
    return [Probe("ours", 1 if quick else 5), Probe("dbos", 1 if quick else 3)]


def measure(subject: str) -> Measured:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        victim = subprocess.Popen(_command("hold", subject, directory), stdout=subprocess.PIPE, text=True)
        assert victim.stdout is not None
        assert victim.stdout.readline().strip() == "READY"
        time.sleep(_UNTIL_STORED)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        began = time.perf_counter()
        heir = subprocess.run(_command("resume", subject, directory), stdout=subprocess.PIPE, text=True, check=True)
        whole = time.perf_counter() - began
        effects = Counter(Path(directory, "effects").read_text().splitlines())
    assert len(effects) == _EXECUTIONS * _STEPS, "a step is missing"
    again = sum(count - 1 for count in effects.values())
    return {**json.loads(heir.stdout.splitlines()[-1]), "run_again": again, "until_all_ended": whole}


def _command(role: str, subject: str, directory: str) -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r})\nfrom benchmarks.rows.recovery import {role}; {role}(*sys.argv[1:])"
    )
    return [sys.executable, "-c", code, subject, directory]


def hold(subject: str, directory: str) -> None:
    """Get a hundred executions under way, say so, and wait for the end."""
    engine = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    engine.Held(f"{directory}/engine.db", _EXECUTIONS, _STEPS, _effects(directory)).hold()
    print("READY", flush=True)
    while True:
        signal.pause()


def resume(subject: str, directory: str) -> None:
    """Go on with them; the time counts from the end of the imports."""
    engine = importlib.import_module(f"benchmarks.subjects.{subject}_engine")
    took = engine.Held(f"{directory}/engine.db", _EXECUTIONS, _STEPS, _effects(directory)).resume()
    print(json.dumps({"seconds": took}), flush=True)


def _effects(directory: str) -> Callable[[str], None]:
    descriptor = os.open(f"{directory}/effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return lambda text: _write(descriptor, text)


def _write(descriptor: int, text: str) -> None:
    os.write(descriptor, f"{text}\n".encode())


def lines(results: Results) -> list[Line]:
    seconds = results.medians("seconds", _SUBJECTS)
    again = results.medians("run_again", _SUBJECTS)
    return [
        Line(
            "from the end of the imports to all resumed",
            "s",
            seconds,
            "≤ 0.5 s",
            within(seconds["ours"], 0.5),
            results.noise("ours", "seconds"),
        ),
        Line("completed steps that ran again", "steps", again, "none", within(again["ours"], 0)),
    ]
