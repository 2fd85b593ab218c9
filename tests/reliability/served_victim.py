"""`durable serve` in the place of a process that is killed: with clients at it, and worker processes to kill as well.

It is to an ordeal what a fork server is. When a worker is to die, the server is stopped first and goes on with the next
run: so what the file holds at that moment can be read, and everything that an ordeal says of a death holds of a
worker's too.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from reliability import payments
from reliability.clients import Clients
from reliability.fork_server import TESTS, Death
from reliability.orders import EXAMPLE, FUNCTION

SERVE = [sys.executable, "-c", "from durable_lambda.cli import main; main()", "serve"]
TARGETS = [
    f"{FUNCTION}={EXAMPLE / 'app.py'}:handler",
    f"{payments.FUNCTION}={Path(payments.__file__)}:{payments.FUNCTION}",
]
SOON = ["--limit", "first-retry-delay-ms=50", "--limit", "longest-retry-delay-ms=200"]
"""Invocations that die with their worker are tried again at once, and never given up."""
ENDURING = ["--limit", "failed-invocations=100000"]
BURIAL_SECONDS = 15.0
PATIENCE = 120.0
"""Seconds after which executions that have not ended count as stuck."""


class ServedVictim:
    """A server of the orders and payments, and `clients` threads that start them and answer their callbacks.

    Args:
        workers: worker processes; with 0 the functions run in the server.
        clients: how many threads ask it at the same time.
    """

    def __init__(self, *, workers: int, clients: int) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._options = ["--workers", str(workers), *SOON, *ENDURING]
        self._number_of_clients = clients
        self._clients: Clients | None = None
        self._chance = random.Random(workers)
        self._port = unused_port()
        self._log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> ServedVictim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, job: dict[str, Any], *, kill_after: float | None = None, patience: float = PATIENCE) -> Death:
        """Serve until all is done, or kill the server or (`kill_worker`) one of its workers after so many seconds."""
        began = time.monotonic()
        folder = Path(job["folder"])
        self._go_on(folder)
        if self._clients is None:
            self._clients = Clients(self.url, self._number_of_clients, folder / "told", job["orders"], job["payments"])
        if kill_after is not None:
            time.sleep(kill_after)
            how = self._kill_worker() if job.get("kill_worker") else self._kill_server()
            return Death(how, -signal.SIGKILL, time.monotonic() - began)
        is_done = self._clients.wait(patience)
        problems, self._clients = self._clients.close(), None
        code = self.end()
        (folder / "problems").write_text("\n".join(problems))
        return Death("ended" if is_done else "stuck", len(problems) or code, time.monotonic() - began)

    def start(self, folder: Path) -> None:
        """Begin the server, on the same file and port as ever."""
        if self._log is None:
            self._log = (folder / "log").open("ab")
        paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [*SERVE, "--port", str(self._port), "--db", str(folder / "orders.db"), *self._options, *TARGETS],
            stderr=self._log,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "ORDER_EFFECTS": str(folder / "effects")},
        )

    def wait_until_it_answers(self) -> None:
        """Or has ended."""
        assert self.process is not None
        while self.process.poll() is None and not self._answers():
            time.sleep(0.05)

    def end(self) -> int:
        """End the server in good order, once it answers; its exit code."""
        if self.process is None:
            return 0
        self.wait_until_it_answers()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(BURIAL_SECONDS)
        self.process = None
        self._close_log()
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        if self._clients is not None:
            self._clients.close()
        if self.process is not None:
            self._kill_server()
        self._close_log()

    def workers(self) -> list[int]:
        """Pids of the worker processes."""
        assert self.process is not None
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    def kill_worker(self) -> None:
        """Kill a worker of a server that goes on; without a worker at the moment, none."""
        for pid in self.workers()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _go_on(self, folder: Path) -> None:
        if self.process is None:
            self.start(folder)
        else:
            self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=BURIAL_SECONDS) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _kill_server(self) -> Any:
        """It is dead when its workers are: they end by themselves, and until then they may be in a step."""
        assert self.process is not None
        orphans = [os.pidfd_open(pid) for pid in self.workers()]
        self.process.kill()
        self.process.wait()
        self.process = None
        have_ended = [_has_ended(orphan) for orphan in orphans]
        return "killed" if all(have_ended) else "stuck"

    def _kill_worker(self) -> Any:
        """The server stands still until the next run."""
        assert self.process is not None
        while not (workers := self.workers()) and self.process.poll() is None:
            time.sleep(0.02)
        self.process.send_signal(signal.SIGSTOP)
        victim = os.pidfd_open(self._chance.choice(workers))
        signal.pidfd_send_signal(victim, signal.SIGKILL)
        return "killed" if _has_ended(victim) else "stuck"

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def unused_port() -> int:
    """One that nobody listens on, to be used again and again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def size_of(path: Path) -> int:
    """Bytes of a database on the disk, its log included."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.exists())


def resident_bytes(pid: int) -> int:
    """Memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _has_ended(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], BURIAL_SECONDS)[0])
    finally:
        os.close(descriptor)
