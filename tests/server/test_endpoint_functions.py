"""Functions behind an Invoke endpoint: what the engine sends them, what it takes for an answer, and SAM's way in."""

from __future__ import annotations

import json
import threading
import urllib.request

import pytest

from durable_lambda.engine import Engine, Limits
from durable_lambda.engine.api import Server
from durable_lambda.engine.remote.endpoint import DurableEndpointFunction, InvokeEndpoint, PlainEndpointFunction
from durable_lambda.errors import ExecutionFailedError, ValidationError
from durable_lambda.protocol.updates import ChainedInvokeOptions, OperationUpdate
from scripted import Blocked, Invocation, Script
from server.conftest import connect
from server.endpoint import Endpoint
from wire import assert_matches


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def engine():
    with Engine(limits=Limits(first_retry_delay_ms=10, failed_invocations=3)) as engine:
        yield engine


def succeeded(result):
    return 200, {}, json.dumps({"Status": "SUCCEEDED", "Result": json.dumps(result)}).encode()


def test_it_is_sent_the_event_of_an_invocation(engine, endpoint):
    engine.register(DurableEndpointFunction(InvokeEndpoint(endpoint.url), "orders"), "orders")
    endpoint.answers = [succeeded("done")]
    execution = engine.start("orders", {"id": 1})
    assert execution.result(10) == "done"
    ((path, _, body),) = endpoint.requests
    assert path == "/2015-03-31/functions/orders/invocations"
    event = json.loads(body)
    assert event["DurableExecutionArn"] == execution.arn
    (root,) = event["InitialExecutionState"]["Operations"]
    assert (root["Id"], root["Type"], root["ExecutionDetails"]) == (
        execution.id,
        "EXECUTION",
        {"InputPayload": '{"id":1}'},
    )
    assert isinstance(root["StartTimestamp"], int)
    assert event["InitialExecutionState"]["NextMarker"] == ""
    assert event["UpdatedOperationIds"] == []
    assert_matches("Operation", root)


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [
        ((200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorType": "Oops", "errorMessage": "no"}'), "Oops"),
        ((200, {"X-Amz-Function-Error": "Unhandled"}, b"no json"), "Unhandled"),
        ((429, {"x-amzn-errortype": "TooManyRequestsException"}, b"{}"), "TooManyRequestsException"),
        ((502, {}, b"bad gateway"), "HTTP 502"),
        (None, "Endpoint.Unreachable"),
    ],
)
def test_an_invocation_that_fails_is_tried_again_and_told(engine, endpoint, answer, error_type):
    engine.register(DurableEndpointFunction(InvokeEndpoint(endpoint.url), "orders"), "orders")
    endpoint.answers = [answer, succeeded("second time")]
    execution = engine.start("orders")
    assert execution.result(10) == "second time"
    failed = next(event for event in execution.history() if event.event_type == "InvocationCompleted")
    assert failed.details.error.payload.error_type == error_type


def test_an_answer_that_is_none_ends_the_execution_as_on_the_service(engine, endpoint):
    engine.register(DurableEndpointFunction(InvokeEndpoint(endpoint.url), "orders"), "orders")
    endpoint.answers = [(200, {}, b'"just a text"')]
    with pytest.raises(ExecutionFailedError, match="Invalid Status in invocation output"):
        engine.start("orders").result(10)
    assert len(endpoint.requests) == 1


def test_an_endpoint_that_is_not_there_fails_the_execution_after_some_tries(engine):
    engine.register(DurableEndpointFunction(InvokeEndpoint("http://127.0.0.1:9"), "orders"), "orders")
    with pytest.raises(ExecutionFailedError, match=r"Endpoint\.Unreachable"):
        engine.start("orders").result(10)


def test_a_plain_function_is_called_with_the_payload_and_the_tenant(engine, endpoint):
    async def calls(run: Invocation):
        if "i" not in run.operations:
            options = ChainedInvokeOptions("prices", "blue")
            await run.checkpoint(
                OperationUpdate("i", "CHAINED_INVOKE", "START", payload='{"of":"tea"}', chained_invoke_options=options)
            )
        if run.operations["i"].status == "STARTED":
            raise Blocked
        return json.loads(run.operations["i"].chained_invoke_details.result)

    engine.register(PlainEndpointFunction(InvokeEndpoint(endpoint.url), "prices"), "prices")
    engine.register(Script(calls))
    endpoint.answers = [(200, {}, b'{"price": 3}')]
    assert engine.start("orders").result(10) == {"price": 3}
    ((path, headers, body),) = endpoint.requests
    assert path == "/2015-03-31/functions/prices/invocations"
    assert json.loads(body) == {"of": "tea"}
    assert {key.lower(): value for key, value in headers.items()}["x-amz-tenant-id"] == "blue"


def test_no_more_invocations_run_at_once_than_the_endpoint_has_places_for(engine, endpoint):
    lock, running, most = threading.Lock(), [0], [0]

    together = threading.Barrier(3)

    def counted(event):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(10)
        with lock:
            running[0] -= 1
        return succeeded(1)

    endpoint.answers = [counted] * 18
    engine.register(DurableEndpointFunction(InvokeEndpoint(endpoint.url, concurrency=3), "orders"), "orders")
    executions = [engine.start("orders") for _ in range(18)]
    assert [execution.result(20) for execution in executions] == [1] * 18
    assert most[0] == 3


def test_a_url_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="no URL"):
        InvokeEndpoint("127.0.0.1:3001")


def test_sam_starts_an_execution_of_a_function_that_it_runs_itself(engine, endpoint):
    with Server(engine, port=0) as server:
        endpoint.answers = [lambda event: succeeded(event["InitialExecutionState"]["Operations"][0]["Name"])]
        document = {
            "AccountId": "123456789012",
            "FunctionName": "orders",
            "FunctionQualifier": "$LATEST",
            "ExecutionName": "one",
            "ExecutionTimeoutSeconds": 60,
            "ExecutionRetentionPeriodDays": 7,
            "Input": '{"id": 1}',
            "InvocationId": "x",
            "LambdaEndpoint": endpoint.url,
        }
        request = urllib.request.Request(f"{server.url}/start-durable-execution", json.dumps(document).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201
            arn = json.load(answer)["ExecutionArn"]
        assert engine.execution(arn).result(10) == "one"
        client = connect(server.url)
        told = client.get_durable_execution(DurableExecutionArn=arn)
        assert told["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}
        client.close()
