"""`durable lint`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Cli

WRONG = """
import time

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def wrong(event: str, ctx: DurableContext) -> float:
    print("begun")
    return time.time()
"""


@pytest.fixture
def folder(cli: Cli) -> Path:
    (cli.folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    return cli.folder


@pytest.mark.usefixtures("folder")
def test_the_current_folder_is_looked_at_and_findings_are_exit_code_1(cli: Cli) -> None:
    done = cli("lint")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "wrong.py:10:12: DUR001 `time.time()` outside a step reads another time on replay: `await ctx.now()`",
        "1 finding in 2 files; durable lint --explain CODE tells more",
    ]


@pytest.mark.usefixtures("folder")
def test_nothing_found_is_exit_code_0(cli: Cli) -> None:
    done = cli("lint", "app.py")
    assert (done.returncode, done.stdout) == (0, "nothing found in 1 file\n")
    assert cli("lint", "--exit-zero").returncode == 0


@pytest.mark.usefixtures("folder")
def test_a_file_that_cannot_be_looked_at_is_exit_code_2_and_the_rest_is_told(cli: Cli) -> None:
    (cli.folder / "broken.py").write_text("import durable_lambda\ndef (", encoding="utf-8")
    done = cli("lint", ".", "nowhere")
    assert done.returncode == 2
    assert "wrong.py:10:12: DUR001" in done.stdout
    assert done.stderr.splitlines() == [
        "durable: broken.py:2: is no Python: invalid syntax",
        "durable: nowhere: there is no such file or folder",
    ]


@pytest.mark.usefixtures("folder")
def test_rules_are_selected_on_the_command_line_and_in_the_project(cli: Cli) -> None:
    assert "DUR014" in cli("lint", "--select", "ALL").stdout
    assert cli("lint", "--ignore", "DUR001").returncode == 0
    (cli.folder / "pyproject.toml").write_text("[tool.durable-lambda.lint]\nselect = ['DUR014']\n", encoding="utf-8")
    assert [line.split()[1] for line in cli("lint", "wrong.py").stdout.splitlines()[:-1]] == ["DUR014"]


@pytest.mark.usefixtures("folder")
def test_findings_for_programs_are_json(cli: Cli) -> None:
    documents = [json.loads(cli("lint", *options).stdout) for options in (["--json"], ["--format", "json"])]
    assert documents[0] == documents[1]
    assert documents[0][0]["location"] == {"row": 10, "column": 12}
    assert json.loads(cli("lint", "app.py", "--json").stdout) == []


@pytest.mark.usefixtures("folder")
def test_findings_for_github_are_commands(cli: Cli) -> None:
    (line,) = cli("lint", "--format", "github").stdout.splitlines()
    assert line.startswith("::error title=DUR001,file=wrong.py,line=10,")


def test_a_rule_is_explained(cli: Cli) -> None:
    done = cli("lint", "--explain", "dur003")
    assert done.returncode == 0
    assert done.stdout.startswith("## DUR003: environment-outside-step\n")


def test_what_is_no_rule_is_refused(cli: Cli) -> None:
    assert "'DUR999' is no rule: they are DUR001, " in cli.refused("lint", "--explain", "DUR999")
    assert "--select: 'E501' is no rule" in cli.refused("lint", "--select", "E501")
    (cli.folder / "pyproject.toml").write_text("[tool.durable-lambda.lint]\nselct = []\n", encoding="utf-8")
    assert "not 'selct'" in cli.refused("lint")


def test_nothing_of_a_file_is_run(cli: Cli) -> None:
    source = "import durable_lambda, pathlib\npathlib.Path('ran').touch()\n"
    (cli.folder / "effect.py").write_text(source, encoding="utf-8")
    assert cli("lint", "effect.py").returncode == 0
    assert not (cli.folder / "ran").exists()
