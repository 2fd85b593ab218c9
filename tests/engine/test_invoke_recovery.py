"""Invokes across crashes: a child begins and ends together with what its parent has of it, whenever the engine dies."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from durable_lambda import DurableContext, durable_execution
from durable_lambda.engine import Engine, FileClient, SkippingClock, StoreError, host, invokes
from durable_lambda.engine.store import Store, Writes
from invoking import approving, order, outcome, pay, told
from scripted import Mail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


def engine_at(path: Path) -> Engine:
    return Engine(path, clock=SkippingClock(1_000_000))


@pytest.fixture
def crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files as a crash after each commit would leave them."""
    taken: list[Path] = []
    write = Store.write

    def copying(self: Store, writes: Writes) -> None:
        write(self, writes)
        (file,) = (row[2] for row in self._connection.execute("PRAGMA database_list"))
        if Path(file).stem == "orders":
            taken.append(tmp_path / f"crash-{len(taken)}.db")
            for suffix in ("", "-wal"):
                shutil.copy(f"{file}{suffix}", f"{taken[-1]}{suffix}")

    monkeypatch.setattr(Store, "write", copying)
    return taken


@durable_execution
async def deliver(event: Any, ctx: DurableContext) -> Any:
    """A parent of a parent, with a plain function as well."""
    receipt = await ctx.invoke("order", "order:live", event)
    return [receipt, await ctx.invoke("ship", "ship", receipt)]


def test_a_crash_at_every_commit_ends_the_same_with_one_execution_of_each_function(path, crashes):
    def ship(event: Any, context: Any) -> str:
        return "shipped"

    functions = {"deliver": deliver, "order": order, "pay": pay, "ship": ship}
    with engine_at(path) as engine:
        for name, function in functions.items():
            engine.register(function, name)
        assert engine.start("deliver", {"amount": 7}, execution_name="n").result(10) == [{"paid": 7}, "shipped"]
    assert len(crashes) > 8
    for crash in crashes:
        with engine_at(crash) as engine:
            for name, function in functions.items():  # the parent goes on before its targets are registered
                engine.register(function, name)
            execution = engine.execution("n")
            assert execution.result(10) == [{"paid": 7}, "shipped"], crash
            assert sorted(each.function for each in engine.executions()) == ["deliver", "order", "pay"]
            kinds = told(execution)
        assert kinds.count("ChainedInvokeStarted") == kinds.count("ChainedInvokeSucceeded") == 2


def test_no_crash_leaves_an_ended_child_without_its_parent_being_told(path, crashes):
    with engine_at(path) as engine:
        engine.register(order)
        engine.register(pay)
        engine.start("order", {"amount": 7}, execution_name="n").result(10)
    ended = 0
    for crash in crashes:
        with FileClient(crash) as client:
            parent = client.execution("n")
            children = client.list_executions("pay")
            types = [operation.status for operation in parent.operations() if operation.type == "CHAINED_INVOKE"]
            assert len(children) == len(types), crash
            if children:
                assert (children[0].status == "SUCCEEDED") is (types == ["SUCCEEDED"]), crash
                ended += types == ["SUCCEEDED"]
    assert ended


def after_the_childs_end(path: Path, crashes: list[Path], statement: str) -> Path:
    """The first file that has the child's end, with the parent's knowledge of it taken away by a statement."""
    with engine_at(path) as engine:
        engine.register(outcome)
        engine.register(quick)
        engine.start("outcome", "quick", execution_name="n").result(10)
    for crash in crashes:
        with FileClient(crash) as client:
            if [child.status for child in client.list_executions("quick")] == ["SUCCEEDED"]:
                break
    connection = sqlite3.connect(crash)
    connection.execute("DELETE FROM log WHERE seq = (SELECT max(seq) FROM log WHERE execution = 1)")
    connection.execute(statement)
    connection.commit()
    connection.close()
    return crash


@durable_execution
async def quick(event: Any, ctx: DurableContext) -> str:
    return "done"


def test_a_parent_that_was_not_told_learns_its_childs_end_when_the_file_is_opened(path, crashes):
    crash = after_the_childs_end(path, crashes, "SELECT 1")
    for _ in range(2):  # the second time it is known
        with engine_at(crash) as engine:
            engine.register(outcome)
            execution = engine.execution("n")
            assert execution.result(10) == ["returned", "done"]
            assert told(execution).count("ChainedInvokeSucceeded") == 1


def test_a_parent_whose_child_is_gone_is_told_that(path, crashes):
    crash = after_the_childs_end(path, crashes, "DELETE FROM executions WHERE key = 2")
    with engine_at(crash) as engine:
        engine.register(outcome)
        assert engine.execution("n").result(10) == [
            "InvokeError",
            "ResourceNotFoundException",
            "Durable Execution does not exist",
        ]


def test_a_plain_function_that_was_interrupted_is_called_again_and_waits_to_be_registered(path):
    begun = Mail()

    async def hang(event: Any, context: Any) -> None:
        begun.put()
        await asyncio.Event().wait()

    with engine_at(path) as engine:
        engine.register(outcome)
        engine.register(hang, name="it")
        engine.start("outcome", "it", execution_name="n")
        begun.get()
    with engine_at(path) as engine:
        engine.register(outcome)
        execution = engine.execution("n")
        assert execution.operations()[-1].status == "STARTED"
        engine.register(lambda event, context: "again", name="it")
        assert execution.result(10) == ["returned", "again"]
        assert told(execution).count("ChainedInvokeStarted") == 1


def interrupt_before_the_invoke(path: Path) -> None:
    """Leave an execution of `outcome` as it is when the engine dies before the first checkpoint."""
    begun = Mail()

    @durable_execution
    async def hang(event: Any, ctx: DurableContext) -> None:
        begun.put()
        await asyncio.Event().wait()

    with engine_at(path) as engine:
        engine.register(hang, "outcome")
        engine.start("outcome", "quick", execution_name="n")
        begun.get()


def test_a_function_may_be_registered_after_the_one_that_goes_on_and_invokes_it(path):
    interrupt_before_the_invoke(path)
    asked = {"parent": Mail(), "child": Mail()}

    @durable_execution
    async def parent(event: Any, ctx: DurableContext) -> Any:
        asked["parent"].put()
        return await ctx.invoke("it", "child")

    @durable_execution
    async def child(event: Any, ctx: DurableContext) -> Any:
        asked["child"].put()
        return await ctx.invoke("it", "quick")

    with engine_at(path) as engine:
        engine.register(parent, "outcome")
        asked["parent"].get()
        engine.register(lambda event, context: None, name="another")
        engine.register(child)
        asked["child"].get()
        engine.register(quick)
        assert engine.execution("n").result(10) == "done"


def test_a_function_that_nobody_registers_is_unknown_after_a_moment(path, monkeypatch):
    interrupt_before_the_invoke(path)
    monkeypatch.setattr(invokes, "PATIENCE_SECONDS", 0.05)
    with engine_at(path) as engine:
        engine.register(outcome)
        assert engine.execution("n").result(10)[1] == "ResourceNotFoundException"


def test_a_child_that_is_stopped_while_no_engine_runs_ends_its_parents_wait(path):
    asked = Mail()
    with Engine(path) as engine:
        engine.register(outcome)
        engine.register(approving(asked))
        engine.start("outcome", "approve", execution_name="n")
        asked.get()
    with FileClient(path) as client:
        (child,) = client.list_executions("approve")
        client.stop(child.arn, "not today")
        assert client.execution("n").operations()[-1].status == "STOPPED"
    with Engine(path) as engine:
        engine.register(outcome)
        assert engine.execution("n").result(10) == ["InvokeStoppedError", None, "not today"]


@pytest.mark.parametrize("what", ["the start", "the end"])
def test_a_commit_that_fails_takes_both_back_and_both_happen_later(path, monkeypatch, what):
    write = Store.write
    failed: list[Writes] = []

    def failing(self: Store, writes: Writes) -> None:
        keys = [row.key for row in writes.executions] if what == "the start" else [key for *_, key in writes.ends]
        if 2 in keys and not failed:
            failed.append(writes)
            raise StoreError("disk full")
        write(self, writes)

    monkeypatch.setattr(Store, "write", failing)
    monkeypatch.setattr(host, "REST_AFTER_FAILURE_SECONDS", 0.01)
    with engine_at(path) as engine:
        engine.register(outcome)
        engine.register(quick)
        execution = engine.start("outcome", "quick")
        assert execution.result(10) == ["returned", "done"]
        assert failed
        (child,) = engine.executions("quick")
        assert told(child)[-1] == "ExecutionSucceeded"
        assert told(execution).count("ChainedInvokeSucceeded") == 1
        assert execution.history()[-1].event_type == "ExecutionSucceeded"
