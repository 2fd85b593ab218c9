"""Servers that are measured over HTTP: `durable serve`, and DBOS as its users serve it, behind FastAPI and uvicorn.

A *dialect* (`ours.py`, `dbos.py`, `bare.py`) says how a server is started and what is sent to it; it runs in the
client, and imports nothing of the server's. The programs that are served (`apps/`) run in an environment of their own.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from benchmarks.environments import clean_environment, python_of
from benchmarks.http_client import Answer, Client
from benchmarks.rows.memory import now_and_peak_mib

ENVIRONMENTS = {"ours": "ours_served", "dbos": "dbos_served", "bare": "ours_served"}
"""Where the server of a subject runs."""

EFFECTS = "BENCH_EFFECTS"
"""The variable that names the file in which bodies leave a line each."""
HOLD = "BENCH_HOLD"
"""The variable that says that a held execution's last step does not end."""

_UNTIL_READY = 60


class Dialect(Protocol):
    """What is sent to a server. `work` is `steps` (so many), `held` or `waiting`."""

    def command(self, python: str, port: int, workers: int) -> list[str]:
        """Starts it, in the directory of its database."""
        ...

    def run(self, work: str, number: int, steps: int) -> bytes:
        """An execution, answered when it has ended."""
        ...

    def start(self, work: str, number: int, steps: int) -> bytes:
        """An execution, answered when its start is stored."""
        ...

    def started(self, answer: Answer) -> str:
        """The id of what `start` has started."""
        ...

    def read(self, execution: str) -> bytes:
        """How an execution stands, with its result."""
        ...

    def laps(self, answer: Answer, *, is_read: bool) -> list[float]:
        """What the function returned: the seconds that each of its steps took."""
        ...

    def page(self, limit: int, *, running: bool = False, work: str = "steps") -> bytes:
        """The newest executions of a work; or only those that have not ended."""
        ...

    def executions(self, answer: Answer) -> list[str]:
        """The ids on a page."""
        ...


def dialect_of(subject: str) -> Dialect:
    return cast("Dialect", importlib.import_module(f"benchmarks.served.{subject}").DIALECT)


class Serving:
    """A server as a process of its own, on the files of a directory.

    Args:
        workers: processes that run the functions, where a server has such; 0: they run in the server.
        variables: of its environment.
    """

    def __init__(
        self, subject: str, directory: str, *, workers: int = 0, variables: dict[str, str] | None = None
    ) -> None:
        self.dialect = dialect_of(subject)
        self.port = _free_port()
        self._directory = Path(directory)
        self._began = time.perf_counter()
        self._log = (self._directory / "server.log").open("ab")
        self._process = subprocess.Popen(
            self.dialect.command(str(python_of(ENVIRONMENTS[subject])), self.port, workers),
            cwd=directory,
            env={**clean_environment(), **(variables or {})},
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Serving:
        try:
            self.wait_until_ready()
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGKILL)

    def wait_until_ready(self) -> None:
        """Returns when it has answered; `seconds_to_ready` is then the time from the start of its process."""
        asyncio.run(self._first_answer())
        self.seconds_to_ready = time.perf_counter() - self._began

    @property
    def seconds(self) -> float:
        """Since the start of its process."""
        return time.perf_counter() - self._began

    async def _first_answer(self) -> None:
        while True:
            try:
                async with Client(self.port) as client:
                    await client.ask(self.dialect.page(1))
                    return
            except ConnectionError:
                if self._process.poll() is not None or self.seconds > _UNTIL_READY:
                    log = (self._directory / "server.log").read_text()
                    raise RuntimeError(f"the server does not answer: {log[-2000:]}") from None
                await asyncio.sleep(0.005)

    def end(self, how: signal.Signals) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def now_and_peak_mib(self) -> tuple[float, float]:
        """Its memory, without that of worker processes."""
        return now_and_peak_mib(self._process.pid)

    def file_mib(self) -> float:
        """The size of its database, with what stands in its log."""
        return sum(path.stat().st_size for path in self._directory.glob("engine.db*")) / 2**20


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
