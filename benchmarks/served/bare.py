"""How the bare application is started, and what is sent to it: the same bytes as to `durable serve`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.http_client import Answer, request
from benchmarks.served.ours import Ours

_APP = Path(__file__).with_name("apps") / "bare.py"


class Bare(Ours):
    def command(self, python: str, port: int, workers: int) -> list[str]:
        return [python, str(_APP), str(port)]

    def page(self, limit: int, *, running: bool = False, work: str = "steps") -> bytes:
        return request("GET", "/")

    def laps(self, answer: Answer, *, is_read: bool) -> list[float]:
        return []


DIALECT = Bare()
