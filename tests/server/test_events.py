"""Asynchronous invocations of functions that are not durable: boto3 is told 202, and the function is called."""

from __future__ import annotations

import json
import signal
import threading
import time
import urllib.request

import pytest

from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.functions import read_functions
from durable_lambda.engine import Engine, SkippingClock
from server.endpoint import Endpoint
from server.serving import Served


def metrics_of(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        return answer.read().decode().splitlines()


def until_measured(url: str, line: str) -> None:
    ends_at = time.monotonic() + 20
    while line not in (metrics := metrics_of(url)):
        assert time.monotonic() < ends_at, metrics
        time.sleep(0.02)


@pytest.fixture
def engine():
    with Engine(clock=SkippingClock(0)) as engine:
        yield engine


def test_the_function_is_called_with_the_payload_after_the_sender_was_told(engine, server, client):
    called = threading.Event()
    seen = []

    def prices(event, context):
        seen.append((event, context.tenant_id))
        called.set()
        return 3

    engine.register(prices, "prices")
    answer = client.invoke(FunctionName="prices", InvocationType="Event", Payload=b'{"of":"tea"}', TenantId="blue")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert called.wait(10)
    until_measured(server.url, "durable_events_unanswered 0")
    assert seen == [({"of": "tea"}, "blue")]


def test_what_was_given_up_is_in_the_metrics(engine, server, client):
    moments = []

    def prices(event, context):
        moments.append(engine.thread.ask(lambda host: host.clock.now()).result(10) // 1000)
        raise ValueError("no price")

    engine.register(prices, "prices")
    client.invoke(FunctionName="prices", InvocationType="Event")
    until_measured(server.url, 'durable_events_given_up_total{function="prices",reason="RetriesExhausted"} 1')
    assert moments == [0, 60, 180]
    assert "durable_events_unanswered 0" in metrics_of(server.url)


@pytest.mark.timeout(90)
def test_an_event_survives_a_kill_of_the_server_between_the_answer_and_the_call(tmp_path, unused_port):
    functions = tmp_path / "functions.json"
    functions.write_text(json.dumps({"prices": {"EventInvokeConfig": {"MaximumRetryAttempts": 0}}}))
    arguments = ["--invoke-endpoint", f"http://127.0.0.1:{unused_port}", "--functions", str(functions)]
    first = Served(tmp_path, *arguments)
    answer = first.client.invoke(FunctionName="prices", InvocationType="Event", Payload=b'{"of":"tea"}')
    assert answer["StatusCode"] == 202
    assert "durable_events_unanswered 1" in metrics_of(first.url), "nobody is there who runs the function"
    assert first.end(signal.SIGKILL) == -signal.SIGKILL

    endpoint = Endpoint(unused_port)
    endpoint.answers = [(200, {}, b"3")]
    try:
        for _ in range(2):
            with Served(tmp_path, *arguments) as served:
                until_measured(served.url, "durable_events_unanswered 0")
    finally:
        endpoint.close()
    ((path, _, body),) = endpoint.requests
    assert path == "/2015-03-31/functions/prices/invocations"
    assert json.loads(body) == {"of": "tea"}


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"EventInvokeConfig": {"MaximumRetryAttempts": 3}}, r"prices: .*<= 2.*MaximumRetryAttempts"),
        ({"EventInvokeConfig": {"MaximumEventAgeInSeconds": 59}}, r">= 60.*MaximumEventAgeInSeconds"),
        ({"EventInvokeConfig": {"MaximumEventAgeInSeconds": 21_601}}, r"<= 21600.*MaximumEventAgeInSeconds"),
        ({"EventInvokeConfig": {"DestinationConfig": {}}}, "unknown field `DestinationConfig`"),
        ({"DurableConfig": {}, "EventInvokeConfig": {}}, "EventInvokeConfig is for functions that are not durable"),
    ],
)
def test_a_file_that_configures_what_lambda_would_not_take_is_refused(tmp_path, configuration, message):
    path = tmp_path / "functions.json"
    path.write_text(json.dumps({"prices": configuration}))
    with pytest.raises(CommandError, match=message):
        read_functions(path)
