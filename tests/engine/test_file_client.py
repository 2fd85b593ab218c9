"""Other processes and the file of an engine: through its inbox while it is at work, as the engine when none is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from durable_lambda.client import CallbackClient
from durable_lambda.engine import Engine, FileClient, StoreError, UnknownExecutionError
from durable_lambda.errors import ExecutionStoppedError, ValidationError
from durable_lambda.protocol.errors import CallbackTimeoutException, ResourceNotFoundException
from scripted import Invocation, Mail, Script


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def mail() -> Mail:
    return Mail()


@pytest.fixture
def script(mail: Mail) -> Script:
    async def body(run: Invocation):
        answered = await run.callback("approval", mail.put)
        return [answered.status, answered.callback_details.result]

    return Script(body)


def test_a_callback_is_answered_through_a_live_engine(path, mail, script):
    with Engine(path) as engine, FileClient(path) as client:
        engine.register(script)
        execution = engine.start("orders")
        callback_id = mail.get()
        client.send_callback_heartbeat(callback_id)
        client.send_callback_success(callback_id, {"ok": True})
        assert execution.result(10) == ["SUCCEEDED", '{"ok":true}']
        with pytest.raises(CallbackTimeoutException):
            client.send_callback_failure(callback_id, "too late")
        with pytest.raises(ResourceNotFoundException):
            client.send_callback_success("AAAA")


def test_a_callback_is_answered_while_no_engine_runs(path, mail, script):
    with Engine(path) as engine:
        engine.register(script)
        engine.start("orders", execution_name="n")
        callback_id = mail.get()
    with FileClient(path) as client:
        client.send_callback_failure(callback_id, ValueError("no"))
        with pytest.raises(CallbackTimeoutException):
            client.send_callback_success(callback_id)
    with Engine(path) as engine:
        engine.register(script)
        assert engine.execution("n").result(10) == ["FAILED", None]


def test_a_request_that_a_dead_engine_left_is_answered_by_the_next_one(path, mail, script):
    with Engine(path) as engine:
        engine.register(script)
        engine.start("orders", execution_name="n")
        callback_id = mail.get()
    connection = sqlite3.connect(path)
    request = f'{{"kind":"success","target":"{callback_id}","payload":"1"}}'.encode()
    with connection:
        connection.execute("INSERT INTO inbox (request) VALUES (?)", (request,))
    with Engine(path) as engine:
        engine.register(script)
        assert engine.execution("n").result(10) == ["SUCCEEDED", "1"]
    assert connection.execute("SELECT response FROM inbox").fetchall() == [(b"{}",)]
    connection.close()


def test_a_request_that_is_not_answered_is_taken_back(path, monkeypatch):
    monkeypatch.setattr("durable_lambda.engine.inbox.POLL_SECONDS", 1000)
    with Engine(path), FileClient(path, timeout=0.05) as client:
        with pytest.raises(TimeoutError, match="did not answer"):
            client.stop("n")
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
        connection.close()


def test_nonsense_in_the_inbox_is_answered_and_harms_nobody(path):
    connection = sqlite3.connect(path)
    with Engine(path) as engine:
        engine.executions()
    with connection:
        connection.execute("INSERT INTO inbox (request) VALUES (?)", (b"nonsense",))
    with Engine(path) as engine:
        engine.executions()
    (response,) = connection.execute("SELECT response FROM inbox").fetchone()
    assert b"VALIDATION" in response
    connection.close()


def test_an_execution_is_stopped_and_read_from_another_process(path, mail, script):
    with Engine(path) as engine, FileClient(path) as client:
        engine.register(script)
        execution = engine.start("orders", {"a": 1}, execution_name="n")
        mail.get()
        stored = client.execution("n")
        assert stored.status == "RUNNING"
        assert stored.arn == execution.arn
        assert [operation.type for operation in stored.operations()] == ["EXECUTION", "CALLBACK"]
        with pytest.raises(UnknownExecutionError, match="is running"):
            stored.result()
        client.stop("n", "enough")
        with pytest.raises(ExecutionStoppedError):
            execution.result(10)
        stored = client.execution(execution.arn)
        assert stored.status == "STOPPED"
        assert stored.ended_at is not None
        assert stored.history()[-1].event_type == "ExecutionStopped"
        with pytest.raises(ExecutionStoppedError, match="enough"):
            stored.result()
        assert [found.name for found in client.list_executions("orders", status="STOPPED")] == ["n"]
        with pytest.raises(UnknownExecutionError):
            client.stop("nobody")


def test_a_client_needs_a_file_that_exists(path):
    with pytest.raises(StoreError, match="no such file"):
        FileClient(path)


def test_a_callback_client_takes_a_file_or_an_engine(path, mail, script):
    with Engine(path) as engine:
        engine.register(script)
        first = engine.start("orders")
        CallbackClient(engine=engine).send_success(mail.get(), 1)
        assert first.result(10) == ["SUCCEEDED", "1"]
    with pytest.raises(ValidationError, match="one of"):
        CallbackClient("http://localhost", db=path)


def test_a_callback_client_of_a_file_answers_while_the_engine_is_at_work(path, mail, script):
    with Engine(path) as engine:
        engine.register(script)
        execution = engine.start("orders")
        client = CallbackClient(db=path)
        callback_id = mail.get()
        client.send_heartbeat(callback_id)
        client.send_failure(callback_id, "declined")
        assert execution.result(10) == ["FAILED", None]
