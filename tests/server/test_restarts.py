"""`kill -9` of the server, and a restart on its file: what was under way goes on by itself."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from server.serving import Served

APP = str(Path(__file__).with_name("app.py"))
NAMES = ("waits", "runs", "asks", "retries", "calls")
TARGETS = [f"{name}={APP}:{name}" for name in NAMES]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("workers", ["0", "2"])
def test_after_a_kill_everything_goes_on_and_nothing_that_was_done_is_done_again(tmp_path, workers):
    functions = tmp_path / "functions.json"
    functions.write_text(json.dumps({"asks": {"DurableConfig": {"ExecutionTimeout": 6}}}))
    arguments = [*TARGETS, "--functions", str(functions), "--workers", workers]
    notes = {name: tmp_path / name for name in (*NAMES, "late")}

    def event(name):
        return {"notes": str(notes[name]), "go": str(tmp_path / "go")}

    first = Served(tmp_path, *arguments)
    arns = {name: first.start(name, event(name), name) for name in ("waits", "retries", "asks", "calls")}
    late = first.start("asks", event("late"), "late")
    first.until_event(arns["waits"], "WaitStarted")
    first.until_event(arns["retries"], "StepFailed")
    first.until_event(arns["calls"], "ChainedInvokeStarted")
    first.until_event(arns["asks"], "CallbackStarted")
    first.until_event(late, "CallbackStarted")
    arns["runs"] = first.start("runs", event("runs"), "runs")
    first.until(arns["runs"], lambda _: notes["runs"].exists() and "attempt" in notes["runs"].read_text())
    assert first.end(signal.SIGKILL) == -signal.SIGKILL

    (tmp_path / "go").touch()
    with Served(tmp_path, *arguments) as second:
        history = second.client.get_durable_execution_history(DurableExecutionArn=arns["asks"])["Events"]
        callback_id = next(e for e in history if e["EventType"] == "CallbackStarted")["CallbackStartedDetails"]
        second.client.send_durable_execution_callback_success(CallbackId=callback_id["CallbackId"], Result=b'"yes"')
        results = {name: second.end_of(arn).get("Result") for name, arn in arns.items()}
        assert results == {
            "waits": '"waited"',
            "retries": '"second time"',
            "asks": '"yes"',
            "calls": '"waited"',
            "runs": '"ran"',
        }
        assert second.end_of(late)["Status"] == "TIMED_OUT"
    assert notes["waits"].read_text() == "before\n"
    assert notes["retries"].read_text() == "attempt 1\nattempt 2\n"
    assert notes["runs"].read_text().count("before") == 1


@pytest.mark.timeout(60)
def test_an_orderly_end_loses_nothing_and_is_quick(tmp_path):
    event = {"notes": str(tmp_path / "notes"), "go": str(tmp_path / "go")}
    first = Served(tmp_path, *TARGETS)
    arn = first.start("waits", event, "waits")
    first.until_event(arn, "WaitStarted")
    assert first.end(signal.SIGTERM) == 0
    assert any("goes on" in line for line in first.lines)
    with Served(tmp_path, *TARGETS) as second:
        assert second.end_of(arn)["Result"] == '"waited"'


@pytest.mark.timeout(60)
def test_a_client_that_is_there_before_the_functions_waits_for_them(tmp_path, unused_port):
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import socket\n"
        "from durable_lambda import durable_execution\n"
        f"with socket.create_connection(('127.0.0.1', {unused_port})) as server:\n"  # the port is taken by now
        "    server.sendall(b'POST /2015-03-31/functions/handler:$LATEST/invocations HTTP/1.1\\r\\n'\n"
        "                   b'host: 127.0.0.1\\r\\nx-amz-invocation-type: Event\\r\\n'\n"
        "                   b'content-length: 2\\r\\n\\r\\n{}')\n"
        "    server.settimeout(0.3)\n"
        "    try:\n"
        "        answer = server.recv(1)\n"
        "    except TimeoutError:\n"
        "        answer = None\n"
        "@durable_execution\n"
        "async def handler(event, ctx) -> str:\n"
        "    return 'too early' if answer else 'in time'\n"
    )
    with Served(tmp_path, f"handler={slow}:handler", "--port", str(unused_port)) as served:
        assert served.end_of(served.start("handler", {}, "one"))["Result"] == '"in time"'
