"""`list`, `show`, `history`, `stop` and `callback`, on a file that no engine is at work on and on one in use."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

from command import Cli, callback_id_in, read_until


@pytest.fixture
def waiting(cli: Cli) -> str:
    """An execution named `n1` that waits for a callback, and no engine that runs it; gives the callback's id."""
    process = cli.start("run", "app.py:approving", "--event", '"x"', "--name", "n1")
    seen = read_until(process, "durable callback success")
    process.kill()
    process.wait()
    return callback_id_in(seen)


def test_list_tells_every_execution_the_newest_first(cli: Cli) -> None:
    for name in ("n1", "n2"):
        cli.json("run", "app.py:nested", "--event", "1", "--name", name)
    lines = cli("list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "FUNCTION", "STATUS", "STARTED", "TOOK"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["n2", "app-nested", "succeeded"],
        ["n1", "app-nested", "succeeded"],
    ]
    listed = cli.json("list")["DurableExecutions"]
    assert [each["DurableExecutionName"] for each in listed] == ["n2", "n1"]
    assert set(listed[0]) == {
        "DurableExecutionArn",
        "DurableExecutionName",
        "FunctionArn",
        "Status",
        "StartTimestamp",
        "EndTimestamp",
    }


def test_show_draws_the_tree_and_the_result(cli: Cli) -> None:
    cli.json("run", "app.py:nested", "--event", "1", "--name", "n1")
    shown = cli("show", "n1").stdout
    assert re.search(r"n1  succeeded  .*\n└─ ✓ outer +run_in_child_context.*\n   └─ ✓ inner +step", shown)
    assert shown.endswith("\n1\n")
    document = cli.json("show", "n1")
    assert [each["Type"] for each in document["Operations"]] == ["EXECUTION", "CONTEXT", "STEP"]
    assert document["Operations"][2]["StepDetails"] == {"Attempt": 1, "Result": '"one"'}
    assert cli.json("show", document["DurableExecutionArn"]) == document


def test_show_of_a_failed_execution_has_its_error(cli: Cli) -> None:
    cli("run", "app.py:failing", "--event", '"x"', "--name", "n1")
    shown = cli("show", "n1")
    assert shown.returncode == 0
    assert "ValueError: this order is wrong" in shown.stdout
    assert cli.json("show", "n1")["Error"]["ErrorType"] == "ValueError"


def test_show_of_a_waiting_execution_tells_how_to_answer(cli: Cli, waiting: str) -> None:
    shown = cli("show", "n1").stdout
    assert re.search(r"◷ approval +callback +waiting .* for an answer", shown)
    assert f"  durable callback success {waiting} --result JSON\n" in shown


def test_history_tells_every_event_in_order(cli: Cli) -> None:
    cli.json("run", "app.py:handler", "--event", "{}", "--name", "n1", "--skip-time")
    text = cli("history", "n1").stdout
    assert re.search(r"StepFailed +flaky +ConnectionError: no answer  attempt 1  again in 10 min 0 s", text)
    assert re.search(r"WaitStarted +rest +1 d 0 h", text)
    events = cli.json("history", "n1")["Events"]
    assert [each["EventId"] for each in events] == list(range(1, len(events) + 1))
    assert (events[0]["EventType"], events[-1]["EventType"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert events[0]["ExecutionStartedDetails"]["Input"]["Payload"] == "{}"


def test_a_callback_can_be_answered_while_no_engine_runs(cli: Cli, waiting: str) -> None:
    assert cli.json("callback", "success", waiting, "--result", '"yes"') == {"CallbackId": waiting}
    assert cli.json("run", "app.py:approving", "--name", "n1")["Result"] == '"yes"'
    assert cli.effects() == ["first"]


def test_a_callback_can_be_answered_with_an_error(cli: Cli, waiting: str) -> None:
    done = cli(
        "callback", "failure", waiting, "--error-type", "Declined", "--message", "too much", "--data", '{"a": 1}'
    )
    assert done.returncode == 0, done.stderr
    run = cli("run", "app.py:approving", "--name", "n1")
    assert run.returncode == 1
    assert "Declined: too much" in run.stdout


def test_a_callback_without_a_result_gives_none(cli: Cli, waiting: str) -> None:
    assert cli("callback", "success", waiting).returncode == 0
    assert cli.json("run", "app.py:approving", "--name", "n1")["Result"] == "null"


def test_a_callback_that_is_closed_or_unknown_is_refused(cli: Cli, waiting: str) -> None:
    assert cli("callback", "heartbeat", waiting).returncode == 0
    assert "not JSON" in cli.refused("callback", "success", waiting, "--result", "{")
    assert cli("callback", "success", waiting).returncode == 0
    assert "already completed" in cli.refused("callback", "success", waiting, code=1)
    assert cli.refused("callback", "success", "nonsense").startswith("callback nonsense: Invalid callback id")


def test_a_stopped_execution_stays_stopped(cli: Cli, waiting: str) -> None:
    assert cli("stop", "n1", "--message", "by mistake").stdout == "n1  stopped\n"
    assert cli.json("stop", "n1")["Error"] == {"ErrorMessage": "by mistake"}
    shown = cli("show", "n1").stdout
    assert "by mistake" in shown
    assert "durable callback" not in shown, "nobody waits for that answer any more"
    assert cli("run", "app.py:approving", "--name", "n1").returncode == 1
    assert "timed out or already completed" in cli.refused("callback", "success", waiting, code=1)


def test_the_commands_work_beside_a_run(cli: Cli) -> None:
    process = cli.start("run", "app.py:approving", "--event", '"x"', "--name", "n1")
    read_until(process, "durable callback success")
    assert cli.json("list")["DurableExecutions"][0]["Status"] == "RUNNING"
    assert cli.json("show", "n1")["Status"] == "RUNNING"
    assert "is in use by" in cli.refused("run", "app.py:nested", "--event", "1")
    assert cli("stop", "n1", "--message", "enough").returncode == 0
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "stopped" in output
    assert "enough" in output


@pytest.mark.parametrize(
    "command", [("list",), ("show", "n1"), ("history", "n1"), ("stop", "n1"), ("callback", "success", "x")]
)
def test_without_a_file_they_say_so_and_make_none(cli: Cli, command: tuple[str, ...]) -> None:
    assert "none.db" in cli.refused(*command, "--db", "none.db")
    assert not (cli.folder / "none.db").exists()


@pytest.mark.parametrize("command", ["show", "history", "stop"])
def test_an_unknown_execution_is_told(cli: Cli, command: str) -> None:
    cli.json("run", "app.py:nested", "--event", "1", "--name", "n1")
    assert "there is no execution named 'n2'" in cli.refused(command, "n2")


def test_a_file_of_another_kind_is_refused_and_left_alone(cli: Cli) -> None:
    with sqlite3.connect(cli.folder / "theirs.db") as theirs:
        theirs.execute("CREATE TABLE accounts (id INTEGER)")
    theirs.close()
    before = (cli.folder / "theirs.db").read_bytes()
    for command in (("list",), ("run", "app.py:nested", "--event", "1")):
        assert "another application" in cli.refused(*command, "--db", "theirs.db")
    assert (cli.folder / "theirs.db").read_bytes() == before


def test_a_file_of_a_newer_version_is_refused(cli: Cli) -> None:
    cli.json("run", "app.py:nested", "--event", "1", "--name", "n1")
    with sqlite3.connect(cli.folder / "durable.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    for command in (("list",), ("run", "app.py:nested", "--event", "1")):
        assert "newer durable-lambda" in cli.refused(*command)


def test_help_has_examples_and_the_version_is_shown(cli: Cli) -> None:
    for command in ((), ("run",), ("list",), ("show",), ("callback",), ("callback", "success")):
        shown = cli(*command, "--help")
        assert shown.returncode == 0
        assert "durable " in shown.stdout
    assert "\n  durable run app.py:handler --event @order.json --name order-42\n" in cli("run", "--help").stdout
    assert re.fullmatch(r"durable-lambda \d+\.\d+\.\d+\n", cli("--version").stdout)


def test_an_unknown_command_or_option_is_a_usage_error(cli: Cli) -> None:
    assert cli("runn").returncode == 2
    assert cli("run", "app.py:handler", "--evnt", "1").returncode == 2
    assert json.dumps("Traceback")[1:-1] not in cli("run").stderr
