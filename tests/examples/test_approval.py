"""The approval with an escalation: as its docstring shows it, and in an engine whose time is set by hand."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from command import Cli, callback_id_in, read_until
from docstrings import assert_is_as_shown, follow, shown_in
from durable_lambda.engine import Engine, Execution, ManualClock
from durable_lambda.errors import ExecutionFailedError
from durable_lambda.protocol.hosting import DurableFunction

FOLDER = Path(__file__).parents[2] / "examples" / "approval"
CONTRACT: dict[str, Any] = json.loads((FOLDER / "contract.json").read_text(encoding="utf-8"))
YES = {"approved": True, "reason": "the price is right"}


@pytest.fixture
def handler(load: Callable[[Path], ModuleType]) -> DurableFunction:
    return load(FOLDER / "app.py").handler


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(handler: DurableFunction, clock: ManualClock) -> Iterator[Engine]:
    with Engine(clock=clock) as engine:
        engine.register(handler)
        yield engine


def until(execution: Execution, is_so: Callable[[], bool]) -> None:
    """Wait for something to be so of an execution."""
    changed = threading.Event()
    unwatch = execution.watch(changed.set)
    while True:
        changed.clear()
        if is_so():
            break
        assert changed.wait(20), "nothing happens any more"
    unwatch()


def asked(execution: Execution, who: str) -> str:
    """The callback of an approver, once they have been asked."""
    found: list[str] = []

    def is_asked() -> bool:
        operations = execution.operations()
        told = any(each.name == f"approval by {who} submitter" and each.is_terminal for each in operations)
        found[:] = [
            each.callback_details.callback_id
            for each in operations
            if each.name == f"approval by {who} create callback id"
            and each.callback_details is not None
            and each.callback_details.callback_id is not None
        ]
        return told and bool(found)

    until(execution, is_asked)
    return found[0]


def test_what_its_docstring_shows_is_what_happens(examples_cli: Callable[[str], Cli]) -> None:
    shown, cli = shown_in(FOLDER / "app.py"), examples_cli("approval")
    done = follow(shown, cli, until="approval by edsger create callback id waits for an answer")
    assert_is_as_shown(shown, cli, done)
    assert done.stderr.count("grace did not answer within 2 s") == 1


def test_a_process_that_is_killed_between_the_approvers_goes_on_where_it_stood(
    examples_cli: Callable[[str], Cli],
) -> None:
    cli = examples_cli("approval")
    run, answer = shown_in(FOLDER / "app.py").commands
    process = cli.start(*run)
    seen = read_until(process, "approval by edsger create callback id waits for an answer")
    callback_id = callback_id_in(read_until(process, "durable callback success"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    told = cli(*[callback_id if word == "ID" else word for word in answer])
    assert told.returncode == 0, "it can be answered while no engine is at work"
    again = cli.json(*run)
    assert json.loads(again["Result"]) == {"contract": "c-17", "signed_by": "edsger", "passed_over": ["grace"]}
    names = [each.get("Name") for each in cli.json("show", "contract-17")["Operations"]]
    assert names.count("approval by grace submitter") == names.count("approval by edsger submitter") == 1
    assert "approval by grace" in seen


def test_who_answers_in_time_decides_alone(engine: Engine, clock: ManualClock) -> None:
    execution = engine.start("sign-off", CONTRACT)
    engine.send_callback_success(asked(execution, "grace"), YES)
    until(execution, lambda: any(each.type == "WAIT" for each in execution.operations()))
    clock.advance(timedelta(days=14))
    assert execution.result(20) == {"contract": "c-17", "signed_by": "grace", "passed_over": []}
    assert not any("edsger" in (each.name or "") for each in execution.operations())


def test_the_next_one_is_asked_when_the_time_of_the_first_is_over_and_not_before(
    engine: Engine, clock: ManualClock
) -> None:
    execution = engine.start("sign-off", CONTRACT)
    asked(execution, "grace")
    clock.advance(1)
    assert not any("edsger" in (each.name or "") for each in execution.operations())
    clock.advance(1)
    engine.send_callback_success(asked(execution, "edsger"), {"approved": False, "reason": "too dear"})
    with pytest.raises(ExecutionFailedError, match="edsger does not approve c-17: too dear"):
        execution.result(20)


def test_a_contract_that_nobody_answers_for_is_not_approved(engine: Engine, clock: ManualClock) -> None:
    execution = engine.start("sign-off", CONTRACT)
    for approver in CONTRACT["approvers"]:
        asked(execution, approver["who"])
        clock.advance(approver["seconds"])
    with pytest.raises(ExecutionFailedError, match="nobody has answered for c-17: grace, edsger"):
        execution.result(20)
