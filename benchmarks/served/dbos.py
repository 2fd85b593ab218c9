"""How the DBOS application is started, and the requests that it takes."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.http_client import Answer, request

_APP = Path(__file__).with_name("apps") / "behind_fastapi.py"


class Dbos:
    def command(self, python: str, port: int, workers: int) -> list[str]:
        assert not workers, "its workflows run in the server's process"
        return [python, str(_APP), str(port)]

    def run(self, work: str, number: int, steps: int) -> bytes:
        return request("POST", f"/{work}/bench-{number}/run?number={number}&steps={steps}")

    def start(self, work: str, number: int, steps: int) -> bytes:
        return request("POST", f"/{work}/bench-{number}/start?number={number}&steps={steps}")

    def started(self, answer: Answer) -> str:
        return json.loads(answer.body)["id"]

    def read(self, execution: str) -> bytes:
        return request("GET", f"/workflows/{execution}")

    def laps(self, answer: Answer, *, is_read: bool) -> list[float]:
        return json.loads(answer.body)["result"]

    def page(self, limit: int, *, running: bool = False, work: str = "steps") -> bytes:
        return request("GET", f"/workflows?limit={limit}" + ("&status=PENDING" if running else ""))

    def executions(self, answer: Answer) -> list[str]:
        return [each["id"] for each in json.loads(answer.body)]


DIALECT = Dbos()
