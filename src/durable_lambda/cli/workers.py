"""The worker processes of `durable serve --workers`: begun, watched, and begun again when one ends.

Each runs one invocation at a time, as a Lambda environment does. One that dies costs its invocation; one whose
invocation has taken too long is killed, since its code cannot be stopped otherwise.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import count
from typing import Final

from durable_lambda.cli.worker import TOKEN_VARIABLE
from durable_lambda.engine import Engine
from durable_lambda.engine.remote.outlet import Outlet, exit_error

logger = logging.getLogger("durable_lambda.workers")

REST_SECONDS: Final = 1.0
"""Before a worker that has ended without having run anything is begun again."""
GRACE_SECONDS: Final = 5.0


class WorkerPool:
    """Args:
    engine: whose invocations they run.
    targets: `[NAME=]TARGET`s that each worker serves.
    token: what the engine's API asks them for, if it does.
    """

    def __init__(self, engine: Engine, targets: Sequence[str], *, token: str | None = None) -> None:
        self._engine = engine
        self.outlet = Outlet(on_overdue=self.kill)
        """Where the workers fetch."""
        self._targets = targets
        self._token = token
        self._url = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._is_closing = threading.Event()
        self._watchers: list[threading.Thread] = []

    def open(self, url: str, number: int) -> None:
        """Begin so many workers of the engine at a URL."""
        self._url = url
        for _ in range(number):
            watcher = threading.Thread(target=self._keep_one, daemon=True)
            watcher.start()
            self._watchers.append(watcher)

    def kill(self, worker: str) -> None:
        """End a worker at once; another one takes its place."""
        with self._lock:
            process = self._processes.get(worker)
        if process is not None:
            process.kill()

    def renew(self) -> None:
        """End every worker; those that take their places have the code as it is now."""
        with self._lock:
            workers = list(self._processes)
        for worker in workers:
            self.kill(worker)
        self._engine.thread.ask(lambda host: [host.renew(name) for name in list(host.functions)])

    def close(self) -> None:
        """End every worker, and begin none any more."""
        self._is_closing.set()
        with self._lock:
            workers = list(self._processes)
        for worker in workers:
            self.kill(worker)
        for watcher in self._watchers:
            watcher.join(GRACE_SECONDS)

    def _keep_one(self) -> None:
        while not self._is_closing.is_set():
            worker = f"{os.getpid()}-{next(self._numbers)}"
            environment = dict(os.environ)
            if self._token is not None:
                environment[TOKEN_VARIABLE] = self._token
            command = [sys.executable, "-m", "durable_lambda.cli.worker", self._url, worker, *self._targets]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
            with self._lock:
                self._processes[worker] = process
            if self._is_closing.is_set():
                process.kill()
            status = process.wait()
            with self._lock:
                del self._processes[worker]
            assert process.stdin is not None
            process.stdin.close()
            if self._is_closing.is_set():
                return
            lost = self._lose(worker, status)
            logger.warning("worker %s ended (%s)%s", worker, exit_error(status).error.error_message, lost)
            if not lost:
                self._is_closing.wait(REST_SECONDS)

    def _lose(self, worker: str, status: int) -> str:
        thread = self._engine.thread
        was_at_work = thread.wait(thread.ask(lambda host: self.outlet.lose(worker, exit_error(status))))
        return " in the middle of an invocation" if was_at_work else ""
