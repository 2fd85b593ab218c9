"""A real server on a free port, and real boto3 as its client; every answer is held against the service's model."""

from __future__ import annotations

import json
import socket

import boto3
import pytest
from botocore.config import Config

from durable_lambda.engine import Engine, ManualClock
from durable_lambda.engine.api import Server
from wire import assert_matches

NEVER_AGAIN = {"max_attempts": 0}


def connect(url, **settings):
    """A client of a server, that fails the test for an answer that is not of the service's shapes."""
    client = boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=settings.pop("key", "local"),
        aws_secret_access_key=settings.pop("secret", "local"),
        config=Config(retries=NEVER_AGAIN, read_timeout=20, **settings),
    )
    client.meta.events.register("after-call.lambda", hold_against_the_model)
    return client


def hold_against_the_model(http_response, parsed, model, **_):
    assert http_response.headers["x-amzn-requestid"]
    if http_response.status_code >= 400:
        code = parsed["Error"]["Code"]
        declared = {shape.name: shape for shape in model.error_shapes}
        if code in declared:
            document = {key: value for key, value in json.loads(http_response.content).items() if key != "Reason"}
            assert_matches(code, {key: value for key, value in document.items() if key != "retryAfterSeconds"})
            assert http_response.status_code == declared[code].metadata["error"]["httpStatusCode"]
    elif model.name != "Invoke":
        assert http_response.status_code == model.http.get("responseCode", 200)
        assert_matches(model.output_shape.name, json.loads(http_response.content))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def engine(clock):
    with Engine(clock=clock) as engine:
        yield engine


@pytest.fixture
def server(engine):
    with Server(engine, port=0) as server:
        yield server


@pytest.fixture
def client(server):
    client = connect(server.url)
    yield client
    client.close()


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
