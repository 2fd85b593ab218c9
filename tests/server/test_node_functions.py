"""Functions in JavaScript, on the official SDK from its registry, unmodified: the engine is their service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.lambda_process import free_port
from server.serving import Served

FOLDER = Path(__file__).resolve().parents[2] / ".node-official"
pytestmark = pytest.mark.timeout(180)  # the first time there are packages to fetch
PACKAGES = ("@aws/durable-execution-sdk-js@2.4.0", "@aws-sdk/client-lambda@3.1164.0")
NODE = Path(__file__).with_name("node")

ENDS: dict[str, tuple[Any, list[str]]] = {
    "retried_step": (3, ["StepFailed", "StepFailed", "StepSucceeded"]),
    "failed_step": (["StepError", "no funds"], ["StepFailed", "StepFailed"]),
    "at_most_once": ("paid", ["StepSucceeded"]),
    "wait": ("waited", ["WaitSucceeded"]),
    "callback": ("agreed", ["CallbackSucceeded"]),
    "refused_callback": (["CallbackExternalError", "no way"], ["StepSucceeded", "CallbackFailed", "ContextFailed"]),
    "lapsed_callback": (["CallbackTimeoutError", "Callback timed out on heartbeat"], ["CallbackTimedOut"]),
    "condition": (3, ["StepSucceeded"] * 3),
    "child": ([1, 2], ["StepSucceeded", "WaitSucceeded", "StepSucceeded", "ContextSucceeded"]),
    "parallel": (
        {"results": ["quick", "slow"], "failed": [], "reason": "ALL_COMPLETED"},
        ["StepSucceeded", "ContextSucceeded", "WaitSucceeded", "ContextSucceeded", "ContextSucceeded"],
    ),
    "map": (
        {"results": [2, 6], "failed": [1], "reason": "ALL_COMPLETED"},
        ["StepSucceeded", "StepFailed", "StepSucceeded", "ContextFailed", *["ContextSucceeded"] * 3],
    ),
    "invoke": ("paid", ["ChainedInvokeSucceeded"]),
    "refused_invoke": (["InvokeError", "the whole of it"], ["ChainedInvokeFailed"]),
    "large_result": ("x" * (6 * 1024 * 1024 - 20), []),
}
"""The result of each program in `programs.cjs`, and how its operations ended."""
FAILURES = {"failure": ("RangeError", "the whole of it"), "uncaught_step": ("StepError", "no funds")}
"""The errors that the others fail with."""


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The official SDK, installed once."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    installed = FOLDER / "installed"
    if not installed.exists() or installed.read_text() != str(PACKAGES):
        FOLDER.mkdir(exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", FOLDER, "--no-audit", "--no-fund", *PACKAGES], check=True)
        installed.write_text(str(PACKAGES))
    return FOLDER / "node_modules"


@contextmanager
def node_host(served: Served, port: int, modules: Path, file: str = "function.cjs") -> Iterator[None]:
    """A process that runs the function of a file, as Lambda's runtime does."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(modules),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_LAMBDA": served.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = ["node", NODE / "host.cjs", f"{NODE / file}:handler"]
    host = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        host.kill()
        host.wait()


def test_a_function_on_the_official_javascript_sdk_runs_to_its_end(tmp_path, unused_port, node_modules):
    notes, asked = tmp_path / "notes", tmp_path / "asked"
    order = {"quantity": 2, "parcels": ["cups", "tea", "pot"], "notes": str(notes), "asked": str(asked)}
    with (
        Served(tmp_path, "--runtime-api", f"shop={unused_port}") as served,
        node_host(served, unused_port, node_modules),
    ):
        arn = served.start("shop", order, "one")
        served.until(arn, lambda _: served.events(arn).count("StepSucceeded") == 3)
        served.client.send_durable_execution_callback_success(CallbackId=asked.read_text(), Result=b"agreed")
        told = served.end_of(arn)
        events = served.events(arn)
    assert json.loads(told["Result"]) == {
        "paid": "paid 40",
        "answer": "agreed",
        "parcels": ["cups is 0", "tea is 1", "pot is 2"],
    }
    assert notes.read_text().split("\n") == ["price", "price", "charge", "pack cups", "pack tea", "pack pot", ""]
    # The step failed once; the child, the map and each of its items are contexts.
    ends = {name: events.count(name) for name in set(events) if name.endswith(("Succeeded", "Failed"))}
    assert ends == {
        "StepFailed": 1,
        "StepSucceeded": 6,
        "WaitSucceeded": 1,
        "ContextSucceeded": 5,
        "CallbackSucceeded": 1,
        "ExecutionSucceeded": 1,
    }


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, node_modules: Path) -> dict[str, dict[str, Any]]:
    """What is told of each program once all have ended. One process runs them all, an invocation at a time."""
    folder, port = tmp_path_factory.mktemp("programs"), free_port()
    with (
        Served(folder, "--runtime-api", f"programs={port}") as served,
        node_host(served, port, node_modules, "programs.cjs"),
    ):
        arns = {program: served.start("programs", {"program": program}, program) for program in (*ENDS, *FAILURES)}
        served.client.send_durable_execution_callback_success(
            CallbackId=callback_of(served, arns["callback"]), Result=b"agreed"
        )
        served.client.send_durable_execution_callback_failure(
            CallbackId=callback_of(served, arns["refused_callback"]), Error={"ErrorMessage": "no way"}
        )
        for arn in arns.values():
            served.until(arn, lambda told: told["Status"] != "RUNNING", 60)
        return {program: {**served.told(arn), "Ends": ends_of(served, arn)} for program, arn in arns.items()}


def callback_of(served: Served, arn: str) -> str:
    """The id of an execution's callback, once it waits for that alone."""
    ends_at = time.monotonic() + 60
    while True:
        events = served.client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
        started = [each for each in events if each["EventType"] == "CallbackStarted"]
        if started and events[-1]["EventType"] == "InvocationCompleted":
            return started[0]["CallbackStartedDetails"]["CallbackId"]
        assert time.monotonic() < ends_at, events
        time.sleep(0.02)


def ends_of(served: Served, arn: str) -> list[str]:
    """How the execution's operations ended, in that order."""
    ends = ("Succeeded", "Failed", "TimedOut")
    return [each for each in served.events(arn) if each.endswith(ends) and not each.startswith("Execution")]


@pytest.mark.parametrize("program", ENDS)
def test_each_operation_of_the_javascript_sdk_ends_as_it_should(
    programs: dict[str, dict[str, Any]], program: str
) -> None:
    result, ends = ENDS[program]
    told = programs[program]
    assert (told["Status"], told.get("Error")) == ("SUCCEEDED", None)
    assert json.loads(told["Result"]) == result
    assert sorted(told["Ends"]) == sorted(ends)


@pytest.mark.parametrize("program", FAILURES)
def test_an_error_that_a_javascript_function_does_not_catch_is_told(
    programs: dict[str, dict[str, Any]], program: str
) -> None:
    told = programs[program]
    assert told["Status"] == "FAILED"
    assert (told["Error"]["ErrorType"], told["Error"]["ErrorMessage"]) == FAILURES[program]
