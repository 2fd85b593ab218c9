"""Worker processes: one that dies, hangs or is killed costs its invocation, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from server.lambda_process import free_port, lambda_process
from server.serving import Served

APP = str(Path(__file__).with_name("app.py"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("how", "error"), [("exit", "Runtime.ExitError"), ("hang", "Sandbox.Timedout"), ("kill", "Runtime.ExitError")]
)
def test_a_worker_that_is_lost_costs_its_invocation_which_is_tried_again(tmp_path, how, error):
    functions = tmp_path / "functions.json"
    functions.write_text(json.dumps({"dies": {"DurableConfig": {}, "Timeout": 2 if how == "hang" else 60}}))
    notes = tmp_path / "notes"
    with Served(tmp_path, f"dies={APP}:dies", "--workers", "1", "--functions", str(functions)) as served:
        arn = served.start("dies", {"notes": str(notes), "how": how}, "one")
        if how == "kill":
            served.until(arn, lambda _: notes.exists())
            for worker in children(served.process.pid):
                os.kill(worker, signal.SIGKILL)
        assert served.end_of(arn)["Result"] == '"second time"'
        history = served.client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
        ends = [each["InvocationCompletedDetails"] for each in history if each["EventType"] == "InvocationCompleted"]
        assert ends[0]["Error"]["Payload"]["ErrorType"] == error
        assert "Error" not in ends[1]
    assert notes.read_text() == "attempt\nattempt\n"


@pytest.mark.timeout(60)
def test_workers_end_with_their_server_even_if_that_is_killed(tmp_path):
    served = Served(tmp_path, f"waits={APP}:waits", "--workers", "1")
    arn = served.start("waits", {"notes": str(tmp_path / "notes")}, "one")
    served.until_event(arn, "WaitStarted")
    (worker,) = children(served.process.pid)
    descriptor = os.pidfd_open(worker)
    served.end(signal.SIGKILL)
    import select

    assert select.select([descriptor], [], [], 10)[0], "the worker goes on"
    os.close(descriptor)


@pytest.mark.timeout(60)
def test_workers_of_a_server_that_asks_for_a_token_have_one_of_their_own(tmp_path):
    secret = {"DURABLE_SERVE_TOKEN": "open sesame"}
    with Served(tmp_path, f"waits={APP}:waits", "--workers", "1", environment=secret) as served:
        request = urllib.request.Request(
            f"{served.url}/2015-03-31/functions/waits:$LATEST/invocations",
            json.dumps({"notes": str(tmp_path / "notes")}).encode(),
            {"authorization": "Bearer open sesame"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.read() == b'"waited"'


@pytest.mark.timeout(60)
def test_awslambdaric_serves_a_function_over_the_runtime_api(tmp_path, unused_port):
    (tmp_path / "orders.py").write_text(
        "import os\n"
        "from durable_lambda import durable_execution\n"
        "from durable_lambda.engine.remote.backend import HttpBackend\n"
        "@durable_execution(backend=HttpBackend(os.environ['AWS_ENDPOINT_URL_LAMBDA']))\n"
        "async def handler(event: dict, ctx) -> dict:\n"
        "    def pid() -> int:\n"
        "        return os.getpid()\n"
        "    return {'event': event, 'pid': await ctx.step('pid', pid)}\n"
    )
    with (
        Served(tmp_path, "--runtime-api", f"orders={unused_port}") as served,
        lambda_process(tmp_path, served.url, "orders.handler", unused_port) as runtime,
    ):
        arn = served.start("orders", {"id": 1}, "one")
        assert json.loads(served.end_of(arn)["Result"]) == {"event": {"id": 1}, "pid": runtime.pid}


@pytest.mark.timeout(60)
def test_a_callback_is_answered_by_another_lambda_function(tmp_path, unused_port):
    (tmp_path / "asks.py").write_text(
        "from durable_lambda import durable_execution\n"
        "@durable_execution\n"
        "async def handler(event: dict, ctx) -> str:\n"
        "    callback = await ctx.create_callback('approval')\n"
        "    answers = ctx.invoke('answers', 'answers:$LATEST', callback.callback_id)\n"
        "    answer = await ctx.callback_result(callback, str)\n"
        "    return f'{answer}, {await answers}'\n"
    )
    (tmp_path / "answers.py").write_text(
        "from durable_lambda import CallbackClient, durable_execution\n"
        "@durable_execution\n"
        "async def handler(callback_id: str, ctx) -> str:\n"
        "    await ctx.step('answer', CallbackClient().asend_success, callback_id, 'approved')\n"
        "    return 'told'\n"
    )
    ports = {"asks": unused_port, "answers": free_port()}
    options = [part for name, port in ports.items() for part in ("--runtime-api", f"{name}={port}")]
    with (
        Served(tmp_path, *options) as served,
        lambda_process(tmp_path, served.url, "asks.handler", ports["asks"]),
        lambda_process(tmp_path, served.url, "answers.handler", ports["answers"]),
    ):
        arn = served.start("asks", {}, "one")
        ended = served.end_of(arn)
        assert ended.get("Result") == '"approved, told"', ended.get("Error")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == pid
    ]


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
