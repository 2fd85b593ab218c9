"""Functions on the official SDK, unmodified, on `durable serve` end as on the official runner, by the same events.

They are served by the real runtime client, in an environment that this package is not in, and their SDK checkpoints
over boto3. The runner, in an environment of its own, runs the same functions in its process.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from benchmarks.environments import clean_environment, prepare, python_of

from server.lambda_process import free_port, lambda_process
from server.official.driving import FUNCTION, run_all
from server.official.outcomes import Outcome
from server.serving import Served

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments, and runs everything

TESTS = Path(__file__).resolve().parent.parent
OFFICIAL = TESTS / "server" / "official"
VARIABLES = {"PYTHONPATH": os.pathsep.join([str(OFFICIAL), str(TESTS)]), "LONGEST_DELAY": "1"}
PROCESSES = (FUNCTION, FUNCTION, "prices", "refuses")


def programs_in(path: Path) -> list[str]:
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return [each.name for each in functions if [arg.arg for arg in each.args.args] == ["event", "ctx"]]


PROGRAMS = [*programs_in(TESTS / "compatibility" / "official.py"), *programs_in(OFFICIAL / "endings.py")]

REFUSAL = (
    "An error occurred (InvalidParameterValueException) when calling the CheckpointDurableExecution operation: {} "
    "payload size must be less than or equal to 1048576 bytes."
)
CHECKPOINT_ERROR = "aws_durable_execution_sdk_python.exceptions.CheckpointError"
NOBODY = "arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST"

NOT_ON_THE_RUNNER = {"too_large_an_invoke"}
"""What never ends there: in one process its refusals are no errors of boto3's, and the SDK tries again and again."""
OTHERWISE: dict[str, tuple[str, Any, Any]] = {
    "too_large_an_invoke": (
        "FAILED",
        None,
        {"ErrorMessage": REFUSAL.format("CHAINED_INVOKE input"), "ErrorType": CHECKPOINT_ERROR},
    ),
    # The runner does not bound what a step returns.
    "too_large_a_step": (
        "FAILED",
        None,
        {"ErrorMessage": REFUSAL.format("STEP output"), "ErrorType": CHECKPOINT_ERROR},
    ),
    # The runner's message tells how a function is registered with it.
    "invoke_of_nobody": ("SUCCEEDED", ["InvokeError", f"Function not found: {NOBODY}"], None),
}
"""How these end here, as on the service. The runner differs, for the reasons given."""

RACE = "Cannot return PENDING status with no pending operations."
"""Of the official SDK, with branches side by side: it may suspend though it has been told that all waits are over. The
service, the runner and the engine invoke it again."""

SIDE_BY_SIDE = {
    "parallel",
    "flat_parallel",
    "named_branches",
    "waiting_branches",
    "parallel_in_child_in_parallel",
    "map",
    "named_items",
    "window",
    "flat_map",
    "large_flat_map",
    "everything",
    "waits_beside_each_other",
}
"""Programs whose branches run together, so that the order of their events is of one run alone."""

IN_THE_CLOUD = "waiting_branches"
"""What the official runner for functions on AWS runs, with the server for AWS."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's file and the functions' logs are."""
    return tmp_path_factory.mktemp("official")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, dict[str, Outcome]]:
    """What came of each program, here and on the runner. Both run at the same time."""
    prepare("official", print)
    prepare("official_runner", print)
    with at_work(folder, "runner", *(name for name in PROGRAMS if name not in NOT_ON_THE_RUNNER)) as runner:
        here = on_the_server(folder)
        runner.wait(240)
    there = written_by(folder, "runner")
    return {"here": here, "there": {program: Outcome.read(outcome) for program, outcome in there.items()}}


@contextmanager
def at_work(folder: Path, script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a script in the runner's environment. What it writes is in files of its name."""
    nobody = {"AWS_ACCESS_KEY_ID": "of nobody", "AWS_SECRET_ACCESS_KEY": "of nobody"}
    others = {name: value for name, value in clean_environment().items() if not name.startswith("AWS_")}
    command = [python_of("official_runner"), OFFICIAL / f"{script}.py", *arguments]
    with (folder / f"{script}.json").open("wb") as out, (folder / f"{script}.log").open("wb") as log:
        process = subprocess.Popen(command, env={**others, **nobody, **VARIABLES}, stdout=out, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def written_by(folder: Path, script: str) -> Any:
    """What a script has told; without it the test fails with its log."""
    written = (folder / f"{script}.json").read_bytes()
    assert written, (folder / f"{script}.log").read_text()[-3000:]
    return json.loads(written)


def on_the_server(folder: Path) -> dict[str, Outcome]:
    """Every program, on one server, with the processes of its functions."""
    ports = {name: free_port() for name in dict.fromkeys(PROCESSES)}
    options = [part for name, port in ports.items() for part in ("--runtime-api", f"{name}={port}")]
    python = python_of("official")
    with Served(folder, "--on-mismatch", "fail", *options) as served, ExitStack() as stack:
        for name in PROCESSES:
            process = lambda_process(
                folder, served.url, f"functions.{name}", ports[name], python=python, also=VARIABLES
            )
            stack.enter_context(process)
        with at_work(folder, "cloud", served.url, IN_THE_CLOUD) as cloud:
            outcomes = run_all(served, PROGRAMS)
            cloud.wait(120)
        return outcomes


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name not in OTHERWISE])
def test_it_ends_as_on_the_runner(outcomes: dict[str, dict[str, Outcome]], program: str) -> None:
    here, there = outcomes["here"][program], outcomes["there"][program]
    assert here.end == there.end
    assert here.operations == there.operations


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name not in OTHERWISE])
def test_its_history_tells_the_same(outcomes: dict[str, dict[str, Outcome]], program: str) -> None:
    here, there = outcomes["here"][program], outcomes["there"][program]
    assert here.histories == there.histories
    if program not in SIDE_BY_SIDE:
        assert here.order == there.order


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_invocation_of_it_failed(outcomes: dict[str, dict[str, Outcome]], program: str) -> None:
    failed = outcomes["here"][program].failed_invocations
    assert [error for error in failed if error["ErrorMessage"] != RACE] == []


@pytest.mark.parametrize("program", OTHERWISE)
def test_it_ends_as_on_the_service_where_the_runner_differs(
    outcomes: dict[str, dict[str, Outcome]], program: str
) -> None:
    assert outcomes["here"][program].end == OTHERWISE[program]
    assert program in NOT_ON_THE_RUNNER or outcomes["there"][program].end != OTHERWISE[program]


def test_what_a_function_logs_is_logged_once(outcomes: dict[str, dict[str, Outcome]], folder: Path) -> None:
    log = (folder / f"functions.{FUNCTION}.log").read_text()
    assert [log.count(f"{where} the step of by the caller") for where in ("before", "in", "after")] == [1, 1, 1]


def test_the_runner_for_functions_on_aws_reads_the_same_from_the_server(
    outcomes: dict[str, dict[str, Outcome]], folder: Path
) -> None:
    told, here = written_by(folder, "cloud"), outcomes["here"][IN_THE_CLOUD]
    assert (told["status"], told["result"]) == (here.status, here.result)
    assert sorted(map(str, told["operations"])) == sorted(str([*each[:5]]) for each in here.operations.values())
