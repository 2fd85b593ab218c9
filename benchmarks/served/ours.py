"""How `durable serve` is started, and the requests of the Lambda API that are sent to it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from benchmarks.http_client import Answer, request

_APP = Path(__file__).with_name("apps") / "functions.py"
_WORK = ("steps", "held", "waiting")


class Ours:
    def command(self, python: str, port: int, workers: int) -> list[str]:
        durable = str(Path(python).with_name("durable"))
        targets = [f"{work}={_APP}:{work}" for work in _WORK]
        more = ["--workers", str(workers)] if workers else []
        return [durable, "serve", *targets, "--db", "engine.db", "--port", str(port), *more]

    def run(self, work: str, number: int, steps: int) -> bytes:
        return self._invoke(work, number, steps, "RequestResponse")

    def start(self, work: str, number: int, steps: int) -> bytes:
        return self._invoke(work, number, steps, "Event")

    def started(self, answer: Answer) -> str:
        return answer.header("x-amz-durable-execution-arn")

    def read(self, execution: str) -> bytes:
        return request("GET", f"/2025-12-01/durable-executions/{quote(execution, safe='')}")

    def laps(self, answer: Answer, *, is_read: bool) -> list[float]:
        return json.loads(json.loads(answer.body)["Result"]) if is_read else json.loads(answer.body)

    def page(self, limit: int, *, running: bool = False, work: str = "steps") -> bytes:
        only = "&Statuses=RUNNING" if running else ""
        return request("GET", f"/2025-12-01/functions/{work}/durable-executions?MaxItems={limit}{only}")

    def executions(self, answer: Answer) -> list[str]:
        return [each["DurableExecutionArn"] for each in json.loads(answer.body)["DurableExecutions"]]

    def _invoke(self, work: str, number: int, steps: int, kind: str) -> bytes:
        return request(
            "POST",
            f"/2015-03-31/functions/{work}:$LATEST/invocations",
            json.dumps({"number": number, "steps": steps}).encode(),
            {"x-amz-invocation-type": kind, "x-amz-durable-execution-name": f"bench-{number}"},
        )


DIALECT = Ours()
