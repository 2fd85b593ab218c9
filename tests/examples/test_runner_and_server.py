"""The test runner beside a server: for every example both record the same history, but for ids and moments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import seed
from typing import Any

import boto3
import pytest

from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.engine.api import Server
from durable_lambda.engine.api.wire import history_event
from durable_lambda.protocol.events import Event
from durable_lambda.retry import seed_jitter
from durable_lambda.testing import CloudTestRunner, DurableTestRunner
from durable_lambda.testing.view import RunView
from example_runs import EVERY_EXAMPLE, ExampleRun, Load

NAME = "the-example"
EVENTS = {"deterministic_values": ["Ada"]}
"""In place of those that leave the result to chance."""

ON_THREADS = {"map"}
"""Bodies of theirs run beside each other on threads, which end as they like: each operation for itself is the same."""

IDS = ("CallbackId", "DurableExecutionArn", "ExecutedVersion", "RequestId")
IDS_IN_RESULTS = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"  # of `ctx.uuid()` and `ctx.now()`
)


@pytest.mark.parametrize("example", EVERY_EXAMPLE, ids=str)
def test_the_runner_records_what_a_server_records(
    example: ExampleRun, load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORDER_EFFECTS", str(tmp_path / "effects.log"))
    functions = example.functions(load(example.path))
    for function in functions:
        # A START goes before its outcome if a body takes longer than this, and a busy machine makes any body slow.
        monkeypatch.setattr(function, "_start_delay", 30.0)
    event = EVENTS.get(str(example), example.event)
    seed(1)
    runner = DurableTestRunner()
    for function in functions:
        runner.register(function)
    here = answered(runner.start(event, execution_name=NAME), example.answer)

    seed(1)
    seed_jitter(0)  # as the runner does
    with Engine(clock=SkippingClock()) as engine, Server(engine, port=0) as server:
        for function in functions:
            engine.register(function)
        client = boto3.client(
            "lambda",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        name = f"{runner.function_name}:$LATEST"
        there = answered(
            CloudTestRunner(name, client=client, timeout=20, poll=0.01).start(event, execution_name=NAME),
            example.answer,
        )
        client.close()

    assert here.status == there.status == "SUCCEEDED"
    if str(example) in ON_THREADS:
        assert by_operation(here) == by_operation(there)
    else:
        assert told(here) == told(there)


def answered(run: Any, answer: Any) -> Any:
    """Say the same to each callback that is waited for, until it has ended."""
    while names := run.open_callbacks:
        for name in names:
            run.send_callback_success(name, answer)
        run.run()
    return run


def by_operation(run: RunView) -> dict[str, list[str]]:
    """The events of each operation, in their order, without their places among all."""
    lines: dict[str, list[str]] = {}
    for event, line in zip(run.history, told(run), strict=True):
        lines.setdefault("" if event.event_type.startswith("Execution") else event.id or "", []).append(
            re.sub(r'"EventId": \d+', "", line)
        )
    return lines


def told(run: RunView) -> list[str]:
    """Each event as it stands on the wire, without what differs between any two executions."""
    lines = [json.dumps(without_ids(event), sort_keys=True) for event in run.history]
    callbacks = [each.callback_id for each in run.operations.all() if each.callback_id]
    text = "\n".join(lines)
    for each in callbacks:
        text = text.replace(each, "…")
    return IDS_IN_RESULTS.sub("…", text).split("\n")


def without_ids(event: Event) -> dict[str, Any]:
    wire = history_event(event, with_data=True)
    del wire["EventTimestamp"]
    if event.event_type.startswith("Execution"):
        del wire["Id"]  # that of the execution; operations have the same in both
    details = wire[f"{event.event_type}Details"]
    for key in [key for key in details if key in IDS or key.endswith("Timestamp")]:
        del details[key]
    return wire
