"""`kill -9` of a server with a hundred executions in flight, until a new one on its files has done them all.

Each execution has done three steps and is in its fourth when the server dies; in the new one the fourth ends at once.
Every body leaves a line in a file, so that a completed step that ran again is found. The floor is a server that starts
on files that have nothing to resume.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks import served
from benchmarks.figures import Line, Measured, Probe, Results, within
from benchmarks.http_client import Client

TITLE = "Over HTTP, kill -9 of the server with 100 executions in flight"

ENVIRONMENTS = served.ENVIRONMENTS
_SUBJECTS = ("ours", "dbos")
_EXECUTIONS = 100
_STEPS = 3
_PATIENCE = 120
_UNTIL_STORED = 0.3
"""Seconds between the last body's begin and the kill, so that what is sent late is stored."""


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 1 if quick else 3) for subject in _SUBJECTS]


def measure(subject: str) -> Measured:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        effects = Path(directory, "effects")
        effects.touch()
        variables = {served.EFFECTS: str(effects)}
        with served.Serving(subject, directory, variables={**variables, served.HOLD: "1"}) as victim:
            empty = victim.seconds_to_ready
            asyncio.run(_start(victim))
            _until(lambda: _lines(effects, "last") >= _EXECUTIONS)
            time.sleep(_UNTIL_STORED)
            victim.end(signal.SIGKILL)
        with served.Serving(subject, directory, variables=variables) as heir:
            _until(lambda: _lines(effects, "last") >= 2 * _EXECUTIONS)
            resumed = heir.seconds
            asyncio.run(_until_none_runs(heir))
            done = heir.seconds
        ran = Counter(line for line in effects.read_text().splitlines() if not line.endswith("last"))
    assert len(ran) == _EXECUTIONS * _STEPS, "a step is missing"
    again = sum(count - 1 for count in ran.values())
    return {"start": empty, "resumed": max(0.0, resumed - empty), "done": done, "run_again": again}


async def _start(server: served.Serving) -> None:
    async with Client(server.port, 20) as client:
        starts = (server.dialect.start("held", number, _STEPS) for number in range(_EXECUTIONS))
        await asyncio.gather(*map(client.ask, starts))


async def _until_none_runs(server: served.Serving) -> None:
    page = server.dialect.page(1, running=True, work="held")
    async with Client(server.port) as client:
        while server.dialect.executions(await client.ask(page)):  # noqa: ASYNC110  # another process has the event
            await asyncio.sleep(0.005)


def _lines(path: Path, last_word: str) -> int:
    return sum(line.endswith(last_word) for line in path.read_text().splitlines())


def _until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + _PATIENCE
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not all executions were in their last step within {_PATIENCE} s")
        time.sleep(0.005)


def lines(results: Results) -> list[Line]:
    resumed = results.medians("resumed", _SUBJECTS)
    again = results.medians("run_again", _SUBJECTS)
    return [
        Line(
            "from the start of its process until it answers, nothing to resume",
            "s",
            results.medians("start", _SUBJECTS),
        ),
        Line(
            "so much later all are resumed, with 100 in flight",
            "s",
            resumed,
            "≤ 0.5 s",
            within(resumed["ours"], 0.5),
        ),
        Line(
            "from the start of its process until all are done",
            "s",
            results.medians("done", _SUBJECTS),
            noise=results.noise("ours", "done"),
        ),
        Line("completed steps that ran again", "steps", again, "none", within(again["ours"], 0)),
    ]
