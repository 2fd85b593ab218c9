"""`durable run` of code that no longer fits what was kept: the difference is shown, and nothing is lost."""

from __future__ import annotations

import json

import pytest

from command import Cli, callback_id_in, read_until

CODE = """
from pathlib import Path
from durable_lambda import DurableContext, durable_execution

def charge() -> str:
    with Path("effects.log").open("a") as file:
        file.write("charged\\n")
    return "paid"

@durable_execution
async def handler(event: str, ctx: DurableContext) -> str:
    paid = await ctx.step("charge", charge)
    approval = await ctx.create_callback("approval")
    return f"{paid} {await ctx.callback_result(approval)}"
"""
RUN = ("run", "shop.py:handler", "--name", "n1")


@pytest.fixture
def changed(cli: Cli) -> Cli:
    """An execution `n1` that waited for a callback, which was answered; its code was changed meanwhile."""
    (cli.folder / "shop.py").write_text(CODE)
    process = cli.start(*RUN, "--event", '"x"')
    callback_id = callback_id_in(read_until(process, "durable callback success"))
    process.kill()
    process.wait()
    cli.json("callback", "success", callback_id, "--result", '"yes"')
    (cli.folder / "shop.py").write_text(CODE.replace('"charge"', '"collect"'))
    return cli


def test_the_difference_is_shown_and_how_to_go_on_and_mended_code_finishes(changed: Cli) -> None:
    for _ in range(2):
        stopped = changed(*RUN)
        assert stopped.returncode == 1
        for line in (
            "n1 is paused: its code does not fit its history.",
            "  recorded: STEP 'charge' SUCCEEDED",
            "  current:  STEP 'collect'",
            '    paid = await ctx.step("collect", charge)',
            "  durable run shop.py:handler --name n1",
        ):
            assert line in stopped.stderr.splitlines()
        assert "n1  paused" in stopped.stdout
    (changed.folder / "shop.py").write_text(CODE.replace("{paid} {", "{paid}: {"))
    mended = changed(*RUN)
    assert mended.returncode == 0, mended.stderr
    assert mended.stdout.splitlines()[-1] == '"paid: yes"'
    assert changed.effects() == ["charged"]


def test_programs_are_told_in_the_names_of_the_service(changed: Cli) -> None:
    stopped = changed(*RUN, "--json")
    assert stopped.returncode == 1
    document = json.loads(stopped.stdout)
    assert document["Status"] == "PAUSED"
    assert "current:  STEP 'collect'" in document["PauseDetails"]["Reason"]
    assert changed.json("show", "n1")["PauseDetails"] == document["PauseDetails"]


def test_show_tells_that_it_is_paused_and_why(changed: Cli) -> None:
    changed(*RUN)
    shown = changed("show", "n1").stdout.splitlines()
    assert shown[0].startswith("n1  paused")
    assert "paused: the history and the code differ at operation 1 (name):" in shown


def test_it_fails_if_that_is_asked_for_also_when_it_was_paused_before(changed: Cli) -> None:
    changed(*RUN)
    failed = changed(*RUN, "--on-mismatch", "fail")
    assert failed.returncode == 1
    assert "n1  failed" in failed.stdout
    assert "NonDeterministicExecutionError" in failed.stdout
    assert changed.json("list")["DurableExecutions"][0]["Status"] == "FAILED"
