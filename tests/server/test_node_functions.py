"""A function in JavaScript, on the official SDK from its registry, unmodified: the engine is its service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.serving import Served

FOLDER = Path(__file__).resolve().parents[2] / ".node-official"
PACKAGES = ("@aws/durable-execution-sdk-js@2.4.0", "@aws-sdk/client-lambda@3.1164.0")
NODE = Path(__file__).with_name("node")


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
def node_host(served: Served, port: int, modules: Path) -> Iterator[None]:
    """A process that runs the function, as Lambda's runtime does."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(modules),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_LAMBDA": served.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = ["node", NODE / "host.cjs", f"{NODE / 'function.cjs'}:handler"]
    host = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        host.kill()
        host.wait()


@pytest.mark.timeout(180)  # the first time there are packages to fetch
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
