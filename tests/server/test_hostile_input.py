"""Requests that nobody should send: none of them crashes the server, slips past its checks, or makes it give up."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable_lambda.engine import Engine, ManualClock
from durable_lambda.engine.api import Server
from scripted import Invocation, Script
from wire import service_model

OPERATIONS = (
    "CheckpointDurableExecution",
    "GetDurableExecutionState",
    "GetDurableExecution",
    "GetDurableExecutionHistory",
    "ListDurableExecutionsByFunction",
    "StopDurableExecution",
    "PauseDurableExecution",
    "ResumeDurableExecution",
    "DeleteDurableExecution",
    "SendDurableExecutionCallbackSuccess",
    "SendDurableExecutionCallbackFailure",
    "SendDurableExecutionCallbackHeartbeat",
)
OF_ANY_KIND = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


async def waits(run: Invocation):
    await run.wait("w", 1000)


@pytest.fixture(scope="module")
def served():
    """A server with one execution that waits: its URL and that one's ARN."""
    with Engine(clock=ManualClock()) as engine:
        engine.register(Script(waits))
        execution = engine.start("orders", {"id": 1})
        with Server(engine, port=0) as server:
            yield server, execution
            history = execution.history()  # empty if it was stopped and then deleted: both may be asked for
            assert [event.event_id for event in history] == list(range(1, len(history) + 1))
            assert not history or execution.status in ("RUNNING", "PAUSED", "STOPPED")


def send(url, method, body=b"", **headers):
    request = urllib.request.Request(url, data=body if method == "POST" else None, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def values_of(shape):
    """Values of a shape, and now and then of another one."""
    kinds = {
        "string": st.sampled_from(shape.enum) if getattr(shape, "enum", None) else st.text(max_size=30),
        "integer": st.integers(-5, 10**9),
        "long": st.integers(-5, 10**9),
        "boolean": st.booleans(),
        "timestamp": st.integers(0, 10**10),
        "blob": st.text(max_size=30),
    }
    if shape.type_name == "structure":
        members = {name: values_of(member) for name, member in shape.members.items()}
        fitting = st.fixed_dictionaries({}, optional=members)
    elif shape.type_name == "list":
        fitting = st.lists(values_of(shape.member), max_size=4)
    else:
        fitting = kinds[shape.type_name]
    return fitting | OF_ANY_KIND if shape.type_name == "structure" else fitting


@st.composite
def requests(draw, arn):
    """A request to some operation, more or less as the model has it."""
    operation = service_model().operation_model(draw(st.sampled_from(OPERATIONS)))
    uri = operation.http["requestUri"]
    query, body = {}, {}
    for name, member in operation.input_shape.members.items():
        place = member.serialization.get("location")
        if place == "uri":
            text = draw(st.sampled_from([arn, "orders", "AAAA"]) | st.text(min_size=1, max_size=20))
            uri = uri.replace(f"{{{member.serialization.get('name', name)}}}", quote(text, safe=""))
        elif draw(st.booleans()):
            value = draw(values_of(member))
            if place == "querystring":
                query[member.serialization["name"]] = value
            else:
                body[name] = value
    text = "&".join(f"{quote(key)}={quote(str(value), safe='')}" for key, value in query.items())
    return operation.http["method"], f"{uri}?{text}", json.dumps(body).encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_asked_along_the_model_is_answered_or_refused_by_a_known_error(served, data):
    server, execution = served
    method, path, body = data.draw(requests(execution.arn))
    status, headers, answer = send(server.url + path, method, body)
    assert status < 500, answer
    if status >= 400:
        assert headers["x-amzn-errortype"].endswith("Exception")
        assert {"Type"} < json.loads(answer).keys()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.binary(max_size=300), is_http=st.booleans())
def test_raw_bytes_do_no_harm(served, sent, is_http):
    server, _ = served
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        head = b"POST /2025-12-01/durable-executions/x/checkpoint HTTP/1.1\r\nhost: 127.0.0.1\r\n" if is_http else b""
        connection.sendall(head + sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert send(f"{server.url}/health", "GET")[0] == 200


def test_json_that_is_nested_without_end_is_refused(served):
    server, _ = served
    for deep in (b"[" * 200_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        status, headers, _ = send(f"{server.url}/2015-03-31/functions/orders/invocations", "POST", deep)
        assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_a_payload_of_six_mebibytes_is_taken_and_a_larger_one_is_not():
    async def measures(run: Invocation):
        return len(run.input)

    with Engine() as engine:
        engine.register(Script(measures))
        with Server(engine, port=0) as server:
            url = f"{server.url}/2015-03-31/functions/orders:$LATEST/invocations"
            largest = json.dumps("x" * (6 * 1024 * 1024 - 2)).encode()
            assert send(url, "POST", largest)[2] == b"6291454"
            status, headers, _ = send(url, "POST", largest + b" ")
            assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")
            status, headers, _ = send(url, "POST", largest, **{"x-amz-invocation-type": "Event"})
            assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


def test_a_body_that_says_it_is_small_and_is_not_is_cut_off(served):
    server, execution = served
    path = f"/2025-12-01/durable-executions/{quote(execution.arn, safe='')}/pause"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(100):
                connection.sendall(chunk)
        except OSError:
            pass
        assert b" 413 " in connection.recv(200)


def test_more_bodies_than_there_is_room_for_are_turned_away_and_the_room_is_free_again(monkeypatch):
    monkeypatch.setattr("durable_lambda.engine.api.app.MAX_HELD", 1000)
    with Engine() as engine:
        engine.register(lambda event, context: len(event), "length")
        with Server(engine, port=0) as server:
            url = f"{server.url}/2015-03-31/functions/length/invocations"
            for _ in range(3):
                status, headers, _ = send(url, "POST", json.dumps("x" * 2000).encode())
                assert (status, headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
                assert send(url, "POST", json.dumps("x" * 900).encode())[2] == b"900"


@pytest.mark.parametrize(
    "path", ["/../etc/passwd", "/2025-12-01/%2e%2e/%2e%2e", "//", "/%", "/health/..", "/2025-12-01"]
)
def test_a_path_that_leads_nowhere_is_no_operation(served, path):
    server, _ = served
    assert send(server.url + path, "GET")[0] == 404
