"""`pause`, `resume` and `delete`, on a file that no engine is at work on and on one in use."""

from __future__ import annotations

import pytest

from command import Cli, callback_id_in, read_until


@pytest.fixture
def waiting(cli: Cli) -> str:
    """An execution named `n1` that waits for a callback, and the engine that runs it; gives the callback's id."""
    process = cli.start("run", "app.py:approving", "--event", '"x"', "--name", "n1")
    return callback_id_in(read_until(process, "durable callback success"))


@pytest.mark.parametrize("in_use", [True, False])
def test_a_paused_execution_is_not_invoked_until_it_is_resumed(cli: Cli, waiting: str, in_use: bool) -> None:
    if not in_use:
        cli.running[0].kill()
        cli.running[0].wait()
    assert cli("pause", "n1", "--reason", "a holiday").stdout == "n1  paused\n"
    assert cli.json("show", "n1")["Status"] == "PAUSED"
    assert "PAUSED" in cli.refused("pause", "n1", code=1)
    cli.json("callback", "success", waiting, "--result", '"yes"')
    assert cli.json("resume", "n1")["Status"] in ("RUNNING", "SUCCEEDED")
    assert cli.json("run", "app.py:approving", "--name", "n1")["Status"] == "SUCCEEDED" if not in_use else True
    if in_use:
        assert cli.running[0].wait(20) == 0
    types = [event["EventType"] for event in cli.json("history", "n1")["Events"]]
    assert types.index("ExecutionPaused") < types.index("CallbackSucceeded") < types.index("ExecutionResumed")


def test_an_execution_is_deleted_when_it_has_ended(cli: Cli, waiting: str) -> None:
    assert "has not ended" in cli.refused("delete", "n1", code=1)
    cli.json("stop", "n1")
    assert cli("delete", "n1").stdout == "n1  deleted\n"
    assert "no execution named 'n1'" in cli.refused("show", "n1")


def test_who_is_not_there_is_told(cli: Cli, waiting: str) -> None:
    for command in ("pause", "resume", "delete"):
        assert "no execution named 'nobody'" in cli.refused(command, "nobody")
    assert "cannot be resumed" in cli.refused("resume", "n1", code=1)
