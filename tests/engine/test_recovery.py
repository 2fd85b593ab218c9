"""What is left after a crash, and that everything goes on from there."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from durable_lambda.engine import Engine, ManualClock, SkippingClock
from durable_lambda.protocol.operations import ErrorObject
from scripted import Invocation, Mail, Script


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


def copy(path: Path, to: Path) -> None:
    """The files as a crash at this moment would leave them, the first time that it is reached."""
    if to.exists():
        return
    for suffix in ("", "-wal"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{to}{suffix}")


def test_a_crash_at_every_commit_ends_the_same_and_runs_no_completed_step_again(path, tmp_path):
    ran: list[str] = []

    async def body(run: Invocation):
        total = 0
        for number in range(4):
            key = f"s{number}"
            total += await run.step(key, lambda key=key, number=number: ran.append(key) or number)
            copy(path, tmp_path / f"crash-{number}.db")
            await run.wait(f"w{number}", 60)
            copy(path, tmp_path / f"crash-w{number}.db")
        return total

    with Engine(path, clock=SkippingClock(0)) as engine:
        engine.register(Script(body))
        execution = engine.start("orders", execution_name="n")
        assert execution.result(10) == 6
    crashes = sorted(tmp_path.glob("crash-*.db"))
    assert len(crashes) == 8
    for crash in crashes:
        ran.clear()
        with Engine(crash, clock=SkippingClock(0)) as engine:
            engine.register(Script(body))
            execution = engine.execution("n")
            assert execution.result(10) == 6, crash
            kinds = [event.event_type for event in execution.history()]
        done = int(crash.stem[-1]) + 1
        assert ran == [f"s{number}" for number in range(done, 4)], crash
        assert kinds.count("StepSucceeded") == 4


def test_a_crash_in_the_middle_of_an_invocation_is_told_in_the_history(path, tmp_path):
    async def body(run: Invocation):
        await run.step("a")
        copy(path, tmp_path / "crash.db")
        return await run.step("b")

    with Engine(path) as engine:
        engine.register(Script(body))
        engine.start("orders", execution_name="n").result(10)
    with Engine(tmp_path / "crash.db") as engine:
        engine.register(Script(body))
        execution = engine.execution("n")
        execution.wait(10)
        crashed = next(event for event in execution.history() if event.event_type == "InvocationCompleted")
    assert crashed.details.error.payload == ErrorObject(
        "Runtime.ExitError", "The engine ended in the middle of the invocation."
    )


def test_an_execution_waits_for_its_function_to_be_registered(path):
    mail = Mail()

    async def body(run: Invocation):
        return (await run.callback("cb", mail.put)).callback_details.result

    with Engine(path) as engine:
        engine.register(Script(body))
        engine.start("orders", execution_name="n")
        callback_id = mail.get()
    with Engine(path) as engine:
        engine.send_callback_success(callback_id, 1)
        assert engine.execution("n").status == "RUNNING"
        script = Script(body)
        engine.register(script)
        assert engine.execution("n").result(10) == "1"
        assert script.invocations == 1


def test_a_blocked_execution_is_not_invoked_by_a_restart(path):
    mail = Mail()

    async def body(run: Invocation):
        return (await run.callback("cb", mail.put)).status

    with Engine(path) as engine:
        engine.register(Script(body))
        execution = engine.start("orders", execution_name="n")
        callback_id = mail.get()
        ended = Mail()
        execution.watch(ended.put)
        while execution.history()[-1].event_type != "InvocationCompleted":
            ended.get()
    script = Script(body)
    with Engine(path) as engine:
        engine.register(script)
        assert script.invocations == 0
        engine.send_callback_success(callback_id)
        assert engine.execution("n").result(10) == "SUCCEEDED"


def test_what_became_due_while_no_engine_ran_happens_when_one_does(path):
    clock = ManualClock()
    waiting = Mail()

    async def body(run: Invocation):
        try:
            await run.wait("w", 60)
        finally:
            waiting.put()
        return "done"

    with Engine(path, clock=clock) as engine:
        engine.register(Script(body))
        engine.start("orders", execution_name="n")
        waiting.get()
    clock.advance(3600)
    with Engine(path, clock=clock) as engine:
        engine.register(Script(body))
        assert engine.execution("n").result(10) == "done"


def test_closing_leaves_a_running_invocation_to_be_gone_on_with(path):
    stored = Mail()
    ran: list[str] = []

    async def body(run: Invocation):
        await run.step("a", lambda: ran.append("a"))
        if len(ran) == 1:
            ran.append("blocked")
            stored.put()
            await asyncio.Event().wait()
        return ran

    with Engine(path) as engine:
        engine.register(Script(body))
        engine.start("orders", execution_name="n")
        stored.get()
    with Engine(path) as engine:
        engine.register(Script(body))
        execution = engine.execution("n")
        assert execution.result(10) == ["a", "blocked"]
        assert not [event for event in execution.history() if event.event_type == "ExecutionFailed"]


def test_an_ended_execution_is_read_from_the_store(path):
    async def body(run: Invocation):
        return await run.step("a", lambda: 5)

    with Engine(path) as engine:
        engine.register(Script(body))
        arn = engine.start("orders", execution_name="n").arn
        engine.execution("n").wait(10)
    with Engine(path) as engine:
        execution = engine.execution(arn)
        assert execution.result(1) == 5
        assert [operation.id for operation in execution.operations()][1:] == ["a"]
        assert len(execution.history()) == 5


def test_an_ended_execution_is_forgotten_after_its_retention(path):
    clock = ManualClock()

    async def body(run: Invocation):
        return run.input

    with Engine(path, clock=clock) as engine:
        engine.register(Script(body), retention=86_400)
        engine.start("orders", 1, execution_name="n").wait(10)
    clock.advance(86_400 + 1)
    with Engine(path, clock=clock) as engine:
        engine.register(Script(body))
        assert engine.executions() == []
        assert engine.start("orders", 2, execution_name="n").result(10) == 2


PROGRAM = """
import asyncio, sys
from scripted import Script
from durable_lambda.engine import Engine

async def body(run):
    await run.step("a", lambda: print("a", flush=True))
    if sys.argv[2] == "first":
        print("hang", flush=True)
        await asyncio.Event().wait()
    await run.step("b", lambda: print("b", flush=True))
    return "done"

with Engine(sys.argv[1]) as engine:
    engine.register(Script(body))
    print(engine.start("orders", execution_name="n").result(), flush=True)
"""


def test_a_killed_process_has_lost_nothing_that_it_was_told_is_stored(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", PROGRAM, str(path)]
    with subprocess.Popen([*command, "first"], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["a", "hang"]
        process.send_signal(signal.SIGKILL)
    second = subprocess.run([*command, "second"], stdout=subprocess.PIPE, text=True, env=environment, check=True)
    assert second.stdout.split() == ["b", "done"]
