"""Files that cannot be used, disks that are full: nothing is acknowledged that is not stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from durable_lambda.engine import Engine, FileInUseError, SkippingClock, StoreError, host
from durable_lambda.engine.schema import APPLICATION_ID
from durable_lambda.engine.store import Store, StoreReader, Writes
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.updates import OperationUpdate
from scripted import Invocation, Mail, Script


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def engine(path, monkeypatch):
    monkeypatch.setattr(host, "REST_AFTER_FAILURE_SECONDS", 0.01)
    with Engine(path, clock=SkippingClock()) as engine:
        yield engine


def fill(engine: Engine, spare_pages: int = 0) -> None:
    """Let the database grow by so many pages and no more."""

    def limit(host: host.Host) -> None:
        connection = host.store._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare_pages}")

    engine._thread.ask(limit).result()


def make_room(engine: Engine) -> None:
    engine._thread.ask(lambda host: host.store._connection.execute("PRAGMA max_page_count = 1000000")).result()


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"not a database at all, whatever its name says" * 50)
    with pytest.raises(StoreError, match="file is not a database"), Engine(path):
        pass


def test_a_database_of_another_application_is_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (x)")
    connection.close()
    with pytest.raises(StoreError, match="of another application"), Engine(path):
        pass
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    connection.close()


def test_a_database_of_a_newer_version_is_refused(path):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer durable-lambda"), Engine(path):
        pass


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(StoreError, match="nowhere does not exist"), Engine(tmp_path / "nowhere" / "orders.db"):
        pass


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(StoreError, match="it is a directory"), Engine(tmp_path):
        pass


def test_a_second_engine_on_the_same_file_is_refused_until_the_first_is_closed(path):
    with Engine(path), pytest.raises(FileInUseError, match="in use by the engine of process"), Engine(path):
        pass
    with Engine(path):
        pass


def test_a_reader_needs_no_lock_and_cannot_write(path):
    with Engine(path):
        reader = StoreReader(str(path))
        assert reader.list() == []
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("DELETE FROM executions")
        reader.close()


def test_a_reader_does_not_create_a_file(path):
    with pytest.raises(StoreError, match="no such file"):
        StoreReader(str(path))
    assert not path.exists()


def test_a_database_in_memory_has_no_lock_and_no_file():
    first, second = Store(":memory:"), Store(":memory:")
    first.close()
    second.close()


def test_a_start_that_cannot_be_stored_is_not_acknowledged_and_works_when_there_is_room(engine):
    async def body(run: Invocation):
        return len(run.input)

    engine.register(Script(body))
    fill(engine)
    with pytest.raises(StoreError, match="database or disk is full"):
        engine.start("orders", "x" * 100_000, execution_name="n")
    assert engine.executions() == []
    make_room(engine)
    assert engine.start("orders", "x" * 100_000, execution_name="n").result(10) == 100_000


def test_a_checkpoint_that_cannot_be_stored_is_not_acknowledged_and_may_be_sent_again(engine):
    failed = Mail()

    async def body(run: Invocation):
        try:
            await run.step("big", lambda: "x" * 100_000)
        except ServiceError as error:
            failed.put(error)
            operations = (await run.backend.get_execution_state(run.arn, run.token, "", 0)).operations
            assert [operation.type for operation in operations] == ["EXECUTION"]
            make_room_here(run)
            await run.step("big", lambda: "y" * 100_000)
        return "stored"

    def make_room_here(run: Invocation) -> None:
        run.backend._host.store._connection.execute("PRAGMA max_page_count = 1000000")

    engine.register(Script(body))
    fill(engine, 8)
    execution = engine.start("orders")
    error = failed.get()
    assert error.is_retryable
    assert "database or disk is full" in error.message
    assert execution.result(10) == "stored"
    assert [event.event_type for event in execution.history()].count("StepSucceeded") == 1


def test_an_end_that_cannot_be_stored_is_reached_again_when_there_is_room(engine):
    runs = Mail()

    async def body(run: Invocation):
        runs.put()
        return "x" * 100_000

    script = Script(body)
    engine.register(script)
    fill(engine, 8)
    execution = engine.start("orders")
    runs.get()
    with pytest.raises(TimeoutError):
        execution.result(0.05)
    make_room(engine)
    assert len(execution.result(10)) == 100_000
    assert script.invocations > 1


def test_a_callback_that_cannot_be_stored_is_not_acknowledged_and_may_be_answered_again(engine):
    mail = Mail()

    async def body(run: Invocation):
        return len((await run.callback("cb", mail.put)).callback_details.result)

    engine.register(Script(body))
    execution = engine.start("orders")
    callback_id = mail.get()
    fill(engine, 0)
    with pytest.raises(StoreError, match="full"):
        engine.send_callback_success(callback_id, "x" * 100_000)
    make_room(engine)
    engine.send_callback_success(callback_id, "x" * 100_000)
    assert execution.result(10) == 100_002


def test_text_that_is_no_unicode_is_refused_and_harms_nobody(engine):
    async def body(run: Invocation):
        with pytest.raises(ServiceError, match="not valid Unicode"):
            await run.checkpoint(OperationUpdate("z", "STEP", "SUCCEED", payload='"\ud800"'))
        return await run.step("a", lambda: 1)

    engine.register(Script(body))
    assert engine.start("orders").result(10) == 1


def test_a_fault_at_any_write_changes_neither_the_result_nor_the_history(path, monkeypatch):
    monkeypatch.setattr(host, "REST_AFTER_FAILURE_SECONDS", 0.001)
    write = Store.write
    writes = 0
    fault_at = 0

    def faulty(store: Store, batch: Writes) -> None:
        nonlocal writes
        writes += 1
        if writes == fault_at:
            raise StoreError("a fault")
        write(store, batch)

    async def body(run: Invocation):
        first = await run.step("a", lambda: 1)
        await run.wait("w", 60)
        return first + await run.step("b", lambda: 2)

    monkeypatch.setattr(Store, "write", faulty)
    while writes >= fault_at:
        writes, fault_at = 0, fault_at + 1
        with Engine(":memory:", clock=SkippingClock()) as engine:
            engine.register(Script(body))
            try:
                execution = engine.start("orders", execution_name="n")
            except StoreError:
                execution = engine.start("orders", execution_name="n")
            assert execution.result(10) == 3
            kinds = [event.event_type for event in execution.history()]
        told = [kind for kind in kinds if kind != "InvocationCompleted"]
        assert told == [
            "ExecutionStarted",
            "StepStarted",
            "StepSucceeded",
            "WaitStarted",
            "WaitSucceeded",
            "StepStarted",
            "StepSucceeded",
            "ExecutionSucceeded",
        ], fault_at
    assert fault_at > 7
