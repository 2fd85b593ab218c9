"""DBOS behind FastAPI, on uvicorn with its C parser and loop, as its documentation shows: `behind_fastapi.py PORT`.

A POST runs a workflow under an id, and is answered with its result or, at once, with the id; a GET tells how it
stands. The endpoints are `def`, as its workflows are, and run on FastAPI's threads.
"""

from __future__ import annotations

import os
import sys
import threading
from time import perf_counter
from typing import Any

import uvicorn
from dbos import DBOS, SetWorkflowID
from fastapi import FastAPI

_EFFECTS = os.open(os.environ["BENCH_EFFECTS"], os.O_WRONLY | os.O_APPEND) if "BENCH_EFFECTS" in os.environ else None

app = FastAPI()
DBOS(
    config={
        "name": "bench",
        "system_database_url": "sqlite:///engine.db",
        "application_version": "bench",
        "executor_id": "local",
        "log_level": "CRITICAL",
    }
)


@DBOS.step()
def body(number: int) -> int:
    return number


@DBOS.step()
def effect(text: str) -> None:
    assert _EFFECTS is not None
    os.write(_EFFECTS, f"{text}\n".encode())


@DBOS.step()
def last(execution: int) -> None:
    assert _EFFECTS is not None
    os.write(_EFFECTS, f"{execution} last\n".encode())
    if "BENCH_HOLD" in os.environ:
        threading.Event().wait()


@DBOS.workflow()
def steps(number: int, steps: int) -> list[float]:
    laps: list[float] = []
    for each in range(steps):
        since = perf_counter()
        body(each)
        laps.append(perf_counter() - since)
    return laps


@DBOS.workflow()
def held(number: int, steps: int) -> None:
    for each in range(steps):
        effect(f"{number} {each}")
    last(number)


@DBOS.workflow()
def waiting(number: int, steps: int) -> None:
    effect(f"{number} before")
    DBOS.sleep(86_400)


WORKFLOWS = {"steps": steps, "held": held, "waiting": waiting}


@app.post("/{work}/{workflow_id}/run")
def run(work: str, workflow_id: str, number: int, steps: int) -> dict[str, Any]:
    with SetWorkflowID(workflow_id):
        return {"result": WORKFLOWS[work](number, steps)}


@app.post("/{work}/{workflow_id}/start")
def start(work: str, workflow_id: str, number: int, steps: int) -> dict[str, Any]:
    with SetWorkflowID(workflow_id):
        return {"id": DBOS.start_workflow(WORKFLOWS[work], number, steps).workflow_id}


@app.get("/workflows/{workflow_id}")
def read(workflow_id: str) -> dict[str, Any]:
    status = DBOS.get_workflow_status(workflow_id)
    assert status is not None
    return {"id": workflow_id, "status": status.status, "result": status.output}


@app.get("/workflows")
def page(limit: int, status: str | None = None) -> list[dict[str, Any]]:
    found = DBOS.list_workflows(limit=limit, status=status, sort_desc=True)
    return [{"id": each.workflow_id, "status": each.status, "created_at": each.created_at} for each in found]


if __name__ == "__main__":
    DBOS.launch()
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
