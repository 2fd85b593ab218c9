"""How a server grows with the number of executions in its file: those that have ended, those that wait.

The client starts them over a hundred connections, each POST answered when its start is stored, and asks for a page of
those that run until there is none; then for pages, and for single ones. Then the server is killed, and a new one is
begun on its files. What is not done within the patience of the row has no figure.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import served
from benchmarks.figures import Line, Measured, Results, percentile
from benchmarks.http_client import Client
from benchmarks.rows import growth_embedded

TITLE = "Growth with the number of executions, over HTTP (long)"

ENVIRONMENTS = served.ENVIRONMENTS
LIMIT_SECONDS = growth_embedded.LIMIT_SECONDS
_CONNECTIONS = 100
_SAMPLE = 500
"""Executions whose steps are looked at."""

plan = growth_embedded.plan


def measure(subject: str, kind: str, count: int) -> Measured:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        effects = Path(directory, "effects")
        effects.touch()
        variables = {served.EFFECTS: str(effects)}
        with served.Serving(subject, directory, variables=variables) as server:
            try:
                filled = asyncio.run(asyncio.wait_for(_fill(server, kind, count, effects), growth_embedded.PATIENCE))
            except TimeoutError:
                return {"unreached": 1}
            now, peak = server.now_and_peak_mib()
            size = server.file_mib()
            server.end(signal.SIGKILL)
        with served.Serving(subject, directory, variables=variables) as heir:
            read = asyncio.run(_read(heir, _work(kind)))
            again, _ = heir.now_and_peak_mib()
    opened = {"open": heir.seconds_to_ready, "reopened_mib": again}
    return {**filled, **opened, **read, "mib": now, "peak_mib": peak, "file_mib": size}


def _work(kind: str) -> str:
    return "waiting" if kind == "waiting" else "steps"


async def _fill(server: served.Serving, kind: str, count: int, effects: Path) -> Measured:
    dialect = server.dialect
    requests = [dialect.start(_work(kind), number, growth_embedded.STEPS) for number in range(count)]
    async with Client(server.port, _CONNECTIONS) as client:
        began = perf_counter()
        started = await asyncio.gather(*map(client.ask, requests))
        if kind == "waiting":
            while _lines(effects) < count:  # noqa: ASYNC110  # another process has the event
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)  # from the end of its step until it waits
            return {}
        running = dialect.page(1, running=True)
        while dialect.executions(await client.ask(running)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        seconds = perf_counter() - began
        sample = started[:: max(1, count // _SAMPLE)]
        answers = await asyncio.gather(*(client.ask(dialect.read(dialect.started(each))) for each in sample))
    laps = list(itertools.chain.from_iterable(dialect.laps(answer, is_read=True) for answer in answers))
    return {"per_second": count * growth_embedded.STEPS / seconds, "p99": percentile(laps, 99)}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


async def _read(server: served.Serving, work: str) -> Measured:
    dialect = server.dialect
    page = dialect.page(growth_embedded.PAGE, work=work)
    pages: list[float] = []
    reads: list[float] = []
    async with Client(server.port) as client:
        for _ in range(growth_embedded.READS):
            began = perf_counter()
            answer = await client.ask(page)
            pages.append(perf_counter() - began)
        for execution in dialect.executions(answer)[: growth_embedded.READS]:
            request = dialect.read(execution)
            began = perf_counter()
            await client.ask(request)
            reads.append(perf_counter() - began)
    return {"page": pages, "read": reads}


def lines(results: Results) -> list[Line]:
    return growth_embedded.growth_lines(results, "from the start of a process until it answers")
