"""`durable serve` as a process of its own: begun, asked, killed, begun again on the same file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from server.conftest import connect

SERVE = [sys.executable, "-c", "from durable_lambda.cli import main; main()", "serve", "--port", "0"]


class Served:
    """A running `durable serve`."""

    def __init__(self, folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.db = folder / "engine.db"
        self.process = subprocess.Popen(
            [*SERVE, "--db", str(self.db), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        )
        assert self.process.stderr is not None
        self.lines = [self.process.stderr.readline()]
        self.url = self.lines[0].split()[-1]
        assert self.url.startswith("http"), self.lines[0] + self.process.stderr.read()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.client = connect(self.url)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGTERM)

    def end(self, how: signal.Signals) -> int:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(20)
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def start(self, function: str, event: object, name: str) -> str:
        answer = self.client.invoke(
            FunctionName=f"{function}:$LATEST",
            InvocationType="Event",
            DurableExecutionName=name,
            Payload=json.dumps(event).encode(),
        )
        return answer["DurableExecutionArn"]

    def told(self, arn: str) -> dict:
        return self.client.get_durable_execution(DurableExecutionArn=arn)

    def events(self, arn: str) -> list[str]:
        answer = self.client.get_durable_execution_history(DurableExecutionArn=arn, MaxItems=1000)
        return [event["EventType"] for event in answer["Events"]]

    def until(self, arn: str, is_so, seconds: float = 20) -> dict:
        """What is told of an execution when it is so."""
        ends_at = time.monotonic() + seconds
        while not is_so(told := self.told(arn)):
            assert time.monotonic() < ends_at, (told, self.events(arn), self.lines)
            time.sleep(0.02)
        return told

    def until_event(self, arn: str, event_type: str) -> None:
        self.until(arn, lambda _: event_type in self.events(arn))

    def end_of(self, arn: str) -> dict:
        return self.until(arn, lambda told: told["Status"] not in ("RUNNING", "PAUSING", "PAUSED"))

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)
