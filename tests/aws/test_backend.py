"""`AwsBackend` against a server that checks every request, and that fails on demand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from aws import faults
from aws.lambda_service import LambdaService
from durable_lambda import BackendError, DurableContext, ValidationError, durable_execution
from durable_lambda.backends import AwsBackend
from durable_lambda.backends.answers import read_checkpoint
from durable_lambda.backends.aws import default_backend
from durable_lambda.backends.messages import Answer
from durable_lambda.handler import Handler
from durable_lambda.protocol.errors import ServiceError
from service import start_step, succeed_step

pytestmark = pytest.mark.usefixtures("keys")


async def charge(order: Any) -> Any:
    return {"charged": order["a"]}


async def order(event: Any, ctx: DurableContext) -> Any:
    payment = await ctx.step("charge", charge, event)
    await ctx.wait("cool-down", 60)
    return await ctx.step("ship", lambda: {**payment, "shipped": True})


_open: list[AwsBackend] = []


def connect(url: str, **options: Any) -> AwsBackend:
    _open.append(AwsBackend(endpoint_url=url, **options))
    return _open[-1]


def orders(service: LambdaService, **options: Any) -> Handler[Any, Any]:
    return durable_execution(backend=connect(service.url, **options))(order)


def invoke(handler: Handler[Any, Any], service: LambdaService) -> dict[str, Any]:
    """One invocation, as Lambda makes it."""
    return handler(msgspec.to_builtins(service.next_event()))


@pytest.fixture(params=["plain", "secure"])
def service(request: pytest.FixtureRequest) -> LambdaService:
    """With TLS and without: a backend has a transport for each."""
    return request.getfixturevalue("service" if request.param == "plain" else "secure_service")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Delays before retries are noted, and are over at once."""
    noted: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        noted.append(seconds)
        await real(0)

    monkeypatch.setattr("durable_lambda.backends.aws.asyncio.sleep", sleep)
    return noted


def test_a_step_is_checkpointed_with_a_signature_that_botocore_computes_too(service: LambdaService) -> None:
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert [operation for operation, _, _ in service.requests] == ["CheckpointDurableExecution"] * 2
    assert service.machine.event_types()[:3] == ["ExecutionStarted", "StepStarted", "StepSucceeded"]


def test_all_requests_of_two_invocations_take_one_connection(service: LambdaService) -> None:
    handler = orders(service)
    invoke(handler, service)
    service.machine.answer("PENDING")
    service.machine.pass_time(60)
    assert invoke(handler, service)["Status"] == "SUCCEEDED"
    assert len(service.requests) == 3
    assert len(service.connections) == 1


def test_a_state_too_large_for_the_event_is_read_in_pages(service: LambdaService) -> None:
    handler = orders(service)
    invoke(handler, service)
    service.machine.answer("PENDING")
    service.machine.pass_time(60)
    service.page_items = 2
    assert invoke(handler, service)["Status"] == "SUCCEEDED"
    pages = [parameters for operation, parameters, _ in service.requests if operation == "GetDurableExecutionState"]
    assert [page["Marker"] for page in pages] == ["0", "2"]


def test_the_times_of_an_answer_are_seconds_even_when_they_are_whole(service: LambdaService) -> None:
    backend = connect(service.url)
    event = service.next_event()
    arn, token = event.durable_execution_arn, event.checkpoint_token
    response = asyncio.run(backend.checkpoint(arn, token, [start_step("s"), succeed_step("s")]))
    operation: Any = response.new_execution_state.operations[0]
    assert (operation["StartTimestamp"], type(operation["StartTimestamp"])) == (1000, float)


def test_the_trace_of_the_invocation_is_told_with_each_request(
    service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    invoke(orders(service), service)
    assert service.requests[0][2]["x-amzn-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"


# What goes wrong and may go right the next time


@pytest.mark.parametrize(
    "fault",
    [
        faults.refuse(429, "TooManyRequestsException", "Rate exceeded"),
        faults.refuse(500, "ServiceException", "Internal failure"),
        faults.respond(503, b"<html>busy</html>"),
        faults.respond(200, b'{"CheckpointTok'),
        faults.reset,
        faults.lose_answer,
        faults.cut_answer,
    ],
    ids=["throttled", "500", "503 of a proxy", "no JSON", "reset", "answer lost", "reset in the middle"],
)
def test_a_request_that_failed_is_sent_again_with_its_client_token(service: LambdaService, fault: faults.Fault) -> None:
    service.faults.append(fault)
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    tokens = [parameters["ClientToken"] for _, parameters, _ in service.requests]
    assert tokens[0] == tokens[1]
    assert tokens[1] != tokens[2]
    assert service.machine.event_types().count("StepSucceeded") == 1


def test_an_answer_that_takes_too_long_is_asked_for_again(service: LambdaService) -> None:
    released = threading.Event()
    service.faults.append(faults.never_answer(released))
    try:
        assert invoke(orders(service, timeout=0.2), service) == {"Status": "PENDING"}
    finally:
        released.set()
    assert service.machine.event_types().count("StepSucceeded") == 1
    assert len(service.connections) == 2


def test_an_answer_that_comes_in_pieces_is_put_together(service: LambdaService) -> None:
    service.faults.append(faults.trickle)
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert len(service.requests) == 2


def test_a_connection_that_was_closed_while_idle_is_replaced_without_a_delay(
    service: LambdaService, no_delays: list[float]
) -> None:
    service.faults.append(faults.hang_up_afterwards)
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert no_delays == []


@pytest.mark.parametrize("fault", [faults.reset, faults.hang_up], ids=["reset", "closed"])
def test_a_kept_connection_that_fails_before_an_answer_is_replaced_without_a_delay(
    service: LambdaService, no_delays: list[float], fault: faults.Fault
) -> None:
    service.faults += [faults.answer, fault]
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert (len(service.requests), no_delays) == (3, [])


def test_the_service_says_how_long_to_wait(service: LambdaService, no_delays: list[float]) -> None:
    service.faults.append(faults.refuse(429, "TooManyRequestsException", "Rate exceeded", Retry_After="3"))
    invoke(orders(service), service)
    assert no_delays == [3.0]


# What does not go right: the outcomes that the protocol asks for


@pytest.mark.parametrize(
    "fault",
    [
        faults.refuse(429, "TooManyRequestsException", "Rate exceeded"),
        faults.refuse(500, "ServiceException", "Internal failure"),
        faults.reset,
    ],
    ids=["throttled", "500", "reset"],
)
def test_what_fails_five_times_fails_the_invocation_so_that_lambda_invokes_again(
    service: LambdaService, fault: faults.Fault
) -> None:
    service.faults.extend([fault] * 5)
    with pytest.raises(BackendError):
        invoke(orders(service), service)
    assert len(service.requests) == 5


def test_a_spent_token_fails_the_invocation_and_not_the_execution(service: LambdaService) -> None:
    service.faults.append(faults.refuse(400, "InvalidParameterValueException", "Invalid Checkpoint Token"))
    with pytest.raises(BackendError, match="Invalid Checkpoint Token"):
        invoke(orders(service), service)
    assert len(service.requests) == 1


def test_a_refused_update_fails_the_execution(service: LambdaService) -> None:
    service.faults.append(faults.refuse(400, "InvalidParameterValueException", "STEP output payload size must be …"))
    answer = invoke(orders(service), service)
    assert (answer["Status"], answer["Error"]["ErrorType"]) == ("FAILED", "durable_lambda.errors.CheckpointError")
    assert len(service.requests) == 1


def test_missing_permission_fails_the_execution_with_what_the_service_said(service: LambdaService) -> None:
    service.faults.append(faults.refuse(403, "AccessDeniedException", "not authorized to perform: lambda:Checkpoint…"))
    answer = invoke(orders(service), service)
    assert answer["Status"] == "FAILED"
    assert "AccessDeniedException: not authorized" in answer["Error"]["ErrorMessage"]


@pytest.mark.parametrize("kind", ["AccessDenied", "Disabled", "InvalidState", "NotFound"])
def test_a_key_that_cannot_be_used_fails_the_execution_although_its_status_is_502(
    service: LambdaService, kind: str
) -> None:
    service.faults.append(faults.refuse(502, f"KMS{kind}Exception", "The key cannot be used"))
    answer = invoke(orders(service), service)
    assert (answer["Status"], f"KMS{kind}Exception" in answer["Error"]["ErrorMessage"]) == ("FAILED", True)
    assert len(service.requests) == 1


def test_without_a_further_token_the_invocation_stops_as_if_it_waited(service: LambdaService) -> None:
    service.faults.append(faults.respond(200, b'{"NewExecutionState":{"Operations":[]}}'))
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert len(service.requests) == 1


def test_a_state_that_cannot_be_read_fails_the_invocation(service: LambdaService) -> None:
    service.page_items = 0
    service.faults.extend([faults.reset] * 5)
    with pytest.raises(BackendError, match="the state could not be read"):
        invoke(orders(service), service)


def test_a_server_that_is_not_there_fails_the_invocation(service: LambdaService) -> None:
    handler = durable_execution(backend=connect("http://127.0.0.1:9"))(order)
    with pytest.raises(BackendError, match=r"no connection to 127\.0\.0\.1:9"):
        invoke(handler, service)


def test_a_cancelled_request_leaves_no_answer_for_the_next_one(service: LambdaService) -> None:
    backend = connect(service.url)
    event = service.next_event()
    arn, token = event.durable_execution_arn, event.checkpoint_token
    released = threading.Event()
    service.faults.append(faults.never_answer(released))

    async def cancel_one_then_send_another() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await backend.checkpoint(arn, token, [start_step("a")], "one")
        released.set()
        return await backend.checkpoint(arn, service.machine.token, [start_step("b")], "two")

    response = asyncio.run(cancel_one_then_send_another())
    assert [operation["Id"] for operation in response.new_execution_state.operations] == ["b"]


# Clocks and credentials


def test_a_clock_that_is_wrong_is_corrected_by_the_services(service: LambdaService, no_delays: list[float]) -> None:
    expired = faults.refuse(403, "InvalidSignatureException", "Signature expired", Date="Fri, 01 Jan 2100 00:00:00 GMT")
    service.faults.append(expired)
    assert invoke(orders(service), service) == {"Status": "PENDING"}
    assert [headers["x-amz-date"][:8] for _, _, headers in service.requests][1:] == ["21000101", "21000101"]
    assert no_delays == []


def test_a_wrong_signature_with_the_right_time_is_not_sent_twice(service: LambdaService) -> None:
    service.faults.append(faults.refuse(403, "InvalidSignatureException", "does not match"))
    assert invoke(orders(service), service)["Status"] == "FAILED"
    assert len(service.requests) == 1


def test_without_credentials_the_error_says_where_they_could_come_from(
    service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    handler = durable_execution(backend=connect("http://lambda.invalid"))(order)
    with pytest.raises(BackendError, match="no AWS credentials were found"):
        invoke(handler, service)


def test_a_server_on_this_machine_needs_neither_region_nor_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name)
    with LambdaService(is_signed=False).running() as service:
        assert invoke(orders(service), service) == {"Status": "PENDING"}


def test_in_lambda_a_handler_needs_no_backend(service: LambdaService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", service.url)
    monkeypatch.setattr("durable_lambda.backends.aws._default", None)
    assert invoke(durable_execution(order), service) == {"Status": "PENDING"}
    _open.append(default_backend())
    assert len(service.requests) == 2


def test_an_error_of_the_service_that_nobody_knows_keeps_its_name() -> None:
    headers = {"x-amzn-errortype": "com.amazonaws#TeapotException:http://internal/"}
    with pytest.raises(ServiceError, match="short and stout") as caught:
        read_checkpoint(Answer(418, headers, b'{"message": "short and stout"}'))
    assert (caught.value.code, caught.value.status) == ("TeapotException", 418)


def test_a_time_out_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="seconds above 0"):
        AwsBackend(timeout=0)


COLD_START = """
import sys
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def handler(event, ctx: DurableContext):
    await ctx.step("one", lambda: 1)

def loaded():
    return sorted({"h11", "boto3", "botocore", "urllib3", "http.client", "email"} & sys.modules.keys())

print(loaded())
print(handler({"DurableExecutionArn": "%s", "CheckpointToken": "%s", "InitialExecutionState": {"Operations": [
    {"Id": "00000000-0000-4000-8000-000000000001", "Type": "EXECUTION", "Status": "STARTED", "StartTimestamp": 1}]}}))
print(loaded())
"""


def test_a_cold_start_loads_what_it_needs_when_it_is_needed(
    secure_service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", secure_service.url)
    event = secure_service.next_event()
    code = COLD_START % (event.durable_execution_arn, event.checkpoint_token)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert told.stdout.splitlines() == ["[]", "{'Status': 'SUCCEEDED', 'Result': 'null'}", "['h11']"], told.stderr
