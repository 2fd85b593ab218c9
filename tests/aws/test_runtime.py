"""Durable functions under the real runtime client, in a process of their own, with a Lambda service around it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws import faults
from aws.lambda_service import REGION, LambdaService
from aws.signatures import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN
from durable_lambda.protocol.operations import ErrorObject

FUNCTIONS = Path(__file__).parent / "functions"
SECONDS = 20

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What the function's processes print."""
    return tmp_path / "output"


@pytest.fixture
def start(service: LambdaService, output: Path) -> Iterator[Start]:
    """Starts a process as Lambda does; by a handler's name, or one that serves itself."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        function: str, *, module: str = "orders", serves_itself: bool = False, **environ: str
    ) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_LAMBDA_RUNTIME_API": service.url.removeprefix("http://"),
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_ENDPOINT_URL_LAMBDA": service.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "SERVED": function,
            **environ,
        }
        command = [f"{module}.py"] if serves_itself else ["-m", "awslambdaric", f"{module}.{function}"]
        with output.open("ab") as file:
            process = subprocess.Popen([sys.executable, *command], cwd=FUNCTIONS, env=environment, stdout=file)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def result(service: LambdaService) -> object:
    assert service.rested.wait(SECONDS)
    service.check()
    assert service.end is not None, service.failures
    assert service.end.status == "SUCCEEDED", service.end
    return json.loads(service.end.result)


@pytest.mark.parametrize("serves_itself", [False, True], ids=["by name", "serve_lambda"])
def test_a_function_suspends_resumes_and_finishes(service: LambdaService, start: Start, serves_itself: bool) -> None:
    service.start()
    process = start("handler", serves_itself=serves_itself)
    told = result(service)
    assert service.invocations == 2
    assert [operation for operation, _, _ in service.requests] == ["CheckpointDurableExecution"] * 3
    assert isinstance(told, dict)
    first, second = told["places"]
    assert first == second, "a warm invocation runs in the same process and on the same loop"
    assert first[0] == process.pid
    assert 0 < told["remaining"] <= 60
    assert len(service.connections) == 1, "the connection is kept between invocations"
    service.machine.check_wire()


def test_a_function_waits_for_an_answer(service: LambdaService, start: Start) -> None:
    service.start()
    start("approved")
    assert service.rested.wait(SECONDS)
    (callback,) = [operation for operation in service.machine.state.operations.values() if operation.type == "CALLBACK"]
    assert callback.callback_details is not None
    service.rested.clear()
    service.machine.succeed_callback(str(callback.callback_details.callback_id), '"yes"')
    service.go_on()
    assert result(service) == "yes"


def test_a_plain_function_is_served(service: LambdaService, start: Start) -> None:
    service.start()
    start("plain", serves_itself=True)
    assert result(service) == {"a": 1}


@pytest.mark.parametrize("function", ["blocking", "of_a_class"])
@pytest.mark.parametrize("serves_itself", [False, True], ids=["by name", "serve_lambda"])
def test_each_style_of_handler_suspends_and_resumes(
    service: LambdaService, start: Start, function: str, serves_itself: bool
) -> None:
    service.start()
    start(function, serves_itself=serves_itself)
    assert result(service) == 1
    assert service.invocations == 2


def test_a_spent_token_fails_the_invocation_and_the_next_one_goes_on(service: LambdaService, start: Start) -> None:
    service.faults.append(faults.refuse(400, "InvalidParameterValueException", "Invalid checkpoint token"))
    service.start()
    start("handler")
    result(service)
    assert [failure["errorType"] for failure in service.failures] == ["BackendError"]
    assert service.invocations == 3


def test_a_handler_that_does_not_exist_is_an_error_of_the_start(service: LambdaService, start: Start) -> None:
    process = start("no_such_handler")
    assert process.wait(SECONDS) == 1
    assert [failure["errorType"] for failure in service.failures] == ["Runtime.HandlerNotFound"]


def test_a_process_that_waits_for_work_ends_when_it_is_told_to(service: LambdaService, start: Start) -> None:
    service.start()
    process = start("approved", serves_itself=True)
    assert service.rested.wait(SECONDS)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def test_a_process_that_is_told_to_end_in_a_step_loses_only_that_attempt(
    service: LambdaService, start: Start, tmp_path: Path
) -> None:
    marker = str(tmp_path / "marker")
    service.start()
    first = start("terminated", serves_itself=True, MARKER=marker)
    assert first.wait(SECONDS) == 0
    service.end_invocation(ErrorObject("Runtime.ExitError", "exit status 0"))
    start("terminated", serves_itself=True, MARKER=marker)
    assert result(service) == "done"
    assert service.machine.event_types().count("StepSucceeded") == 2


@pytest.mark.parametrize("function", ["handler", "by_hand"], ids=["around the handler", "in a function of its own"])
def test_logger_and_tracer_of_powertools_work_beside_it(
    service: LambdaService, start: Start, output: Path, function: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(3)
        service.start()
        start(
            function,
            module="powertools",
            LAMBDA_TASK_ROOT=str(FUNCTIONS),
            AWS_XRAY_DAEMON_ADDRESS=f"127.0.0.1:{daemon.getsockname()[1]}",
            AWS_XRAY_CONTEXT_MISSING="RUNTIME_ERROR",
        )
        assert result(service) == [1, "shipped"]
        segments = [json.loads(daemon.recv(65_536).partition(b"\n")[2]) for _ in range(4)]
    names = [segment["name"] for segment in segments]
    assert [name for name in names if not name.startswith("## ")] == []
    assert sum("charge" in name for name in names) == 1, "a step that is over is not traced again"
    assert sum("ship" in name for name in names) == 1
    records = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]
    told = [(record["message"], record["function_request_id"]) for record in records]
    assert told == [("charging", "request-1"), ("shipping", "request-2")]


def test_outside_of_lambda_serving_says_so() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    served = subprocess.run(
        [sys.executable, "orders.py"],
        cwd=FUNCTIONS,
        env={**environment, "SERVED": "handler"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert served.returncode == 1
    assert "AWS_LAMBDA_RUNTIME_API is not set" in served.stderr
