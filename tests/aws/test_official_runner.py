"""Our functions on the official local runner, an independent judge of what an SDK may send: in its process, and with
the runner as a server. It lives in an environment of its own, which is made when it is first needed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from benchmarks.environments import ROOT, clean_environment, prepare, python_of

WORKER = Path(__file__).parent / "official_runner" / "worker.py"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """What came of each program."""
    prepare("official_runner", print)
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [python_of("official_runner"), WORKER],
        env={**environment, "PYTHONPATH": os.fspath(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


pytestmark = pytest.mark.timeout(300)  # the environment may have to be made


@pytest.mark.parametrize(
    ("program", "result", "operations"),
    [
        ("steps", {"order": 7, "city": "Oslo"}, ["receipt", "cool-down"]),
        ("failing", "LookupError: no funds", ["charge"]),
        ("together", [[2, 2], [2, 4, 6], "alone"], ["both", "items", "alone"]),
        ("polling", 3, ["ready"]),
        ("undone", ["room"], ["reserve", "pay", "saga compensations", "log"]),
        ("answered", {"approved": True}, ["approval"]),
        ("invoking", 42, ["triple"]),
    ],
)
def test_the_runner_runs_a_function_to_its_result(
    outcomes: dict[str, Any], program: str, result: Any, operations: list[str]
) -> None:
    told = outcomes[program]
    assert (told["status"], told["error"], told["operations"]) == ("SUCCEEDED", None, operations)
    assert json.loads(told["result"]) == result


def test_the_runner_is_told_of_a_failure_as_itself(outcomes: dict[str, Any]) -> None:
    assert outcomes["unhandled"]["status"] == "FAILED"
    assert outcomes["unhandled"]["error"] == ["ValueError", "broken"]


def test_a_function_checkpoints_to_the_runners_server(outcomes: dict[str, Any]) -> None:
    told = outcomes["over_http"]
    assert (told["status"], json.loads(told["result"])) == ("SUCCEEDED", {"order": 7, "city": "Oslo"})
    assert told["events"].count("StepFailed") == 2
    assert told["events"][-1] == "ExecutionSucceeded"
    assert told["failures"] == 0, "no answer of the runner's server was lost on the way"
