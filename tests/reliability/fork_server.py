"""Processes to be killed, at a few milliseconds each: a server has imported everything, and forks one for each job.

The server is single-threaded and has no engine, so what it forks is a fresh process in every respect that counts. It is
also the one that kills: at a moment that the job names, or when the job's patience is over.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

TESTS = Path(__file__).resolve().parents[1]
PATIENCE = 40.0
"""Seconds after which a process counts as stuck."""


@dataclass(frozen=True)
class Death:
    """How a process ended, and after how many seconds."""

    how: Literal["ended", "killed", "stuck"]
    code: int
    seconds: float


class ForkServer:
    """Runs one job at a time. `program`: the module whose `main(job)` is the process."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reliability.fork_server", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
        )

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, job: dict[str, Any], *, kill_after: float | None = None, patience: float = PATIENCE) -> Death:
        """Run a process to its end, or kill it after so many seconds."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"job": job, "kill_after": kill_after, "patience": patience}) + "\n")
        stdin.flush()
        return Death(**json.loads(stdout.readline()))

    def close(self) -> None:
        """End the server; a process that still runs is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve(program: str) -> None:
    """Fork, kill and bury, until nobody asks any more."""
    main = importlib.import_module(program).main
    while line := sys.stdin.readline():
        request = json.loads(line)
        began = time.monotonic()
        alive, hold = os.pipe()
        pid = os.fork()
        if pid == 0:
            os._exit(_run(main, request["job"]))
        os.close(hold)
        kill_after = request["kill_after"]
        delay = request["patience"] if kill_after is None else kill_after
        # The pipe is at its end when the process is; so is our input when nobody waits for the process any more.
        ready, _, _ = select.select([alive, sys.stdin], [], [], delay)
        is_over = alive in ready
        if not is_over:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(alive)
        how = "stuck" if not is_over and kill_after is None else "killed" if code == -signal.SIGKILL else "ended"
        print(json.dumps({"how": how, "code": code, "seconds": time.monotonic() - began}), flush=True)


def _run(main: Any, job: dict[str, Any]) -> int:
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        main(job)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
