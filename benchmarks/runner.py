"""Runs the probes of a row, each in a process of its own, in turn: A B C, A B C, …"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from types import ModuleType

from benchmarks.environments import ROOT, clean_environment, python_of
from benchmarks.figures import Measured, Probe, Results

SCRATCH = ROOT / "out" / "bench"
"""Where databases are made: on the disk of the repository, since a disk in memory has no fsync to measure."""
_LIMIT_SECONDS = 180
"""For one probe, unless its row has a `LIMIT_SECONDS` of its own."""


class ProbeError(Exception):
    """A probe did not print its figures."""


def run_row(row: ModuleType, probes: list[Probe], say: Callable[[str], None]) -> tuple[Results, list[str]]:
    """Ask every probe as often as it wants, taking turns. Failures are told, and do not stop the others."""
    results = Results()
    failures: list[str] = []
    for probe in probes if hasattr(row, "script") else ():
        with contextlib.suppress(ProbeError):  # not counted: the first process reads its files from the disk
            _ask(row, probe)
    for number in range(max((probe.rounds for probe in probes), default=0)):
        for probe in probes:
            if number >= probe.rounds:
                continue
            options = " ".join(f"{key}={value}" for key, value in probe.options.items())
            say(f"{row.TITLE}: {probe.subject} {options} ({number + 1} of {probe.rounds})")
            try:
                results.add(probe, _ask(row, probe))
            except ProbeError as error:
                failures.append(f"{row.TITLE}: {probe.key}: {error}")
    return results, failures


def _ask(row: ModuleType, probe: Probe) -> Measured:
    name = row.__name__.rpartition(".")[2]
    python = str(python_of(probe.subject))
    if hasattr(row, "script"):
        command = [python, "-c", row.script(probe.subject, **probe.options)]
    else:
        command = [python, str(ROOT / "benchmarks" / "probe.py"), name, probe.subject, json.dumps(probe.options)]
    limit = getattr(row, "LIMIT_SECONDS", _LIMIT_SECONDS)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=SCRATCH,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=limit)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # the probe's own session, with what it started
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ProbeError(f"no answer within {limit} seconds") from None
        raise
    took = time.perf_counter() - began
    try:
        measured: Measured = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (errors.strip() or output.strip() or f"exit status {process.returncode}").splitlines()[-1]
        raise ProbeError(reason) from None
    return {**measured, "process_seconds": took}
