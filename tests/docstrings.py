"""An example's docstring, followed: its commands are run, and what it says that they print is what they print."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from command import Cli, callback_id_in, read_until
from shown import assert_is, assert_shows

_OF_THE_TREE = "✓✗■○"
_LOGGED = ("INFO ", "WARNING ", "ERROR ")


class Shown(NamedTuple):
    """What the indented lines of a docstring are."""

    commands: list[list[str]]
    tree: list[str]
    log: list[str]
    result: list[str]

    def option(self, name: str, command: int = 0) -> Any:
        """The JSON that an option of a command gives."""
        words = self.commands[command]
        return json.loads(words[words.index(name) + 1])

    @property
    def target(self) -> str:
        """The function that is run."""
        return self.commands[0][1].split(":")[1]


def shown_in(path: Path) -> Shown:
    """Read the docstring of an example."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    shown = Shown([], [], [], [])
    for indented in (line for line in docstring.splitlines() if line.startswith("    ")):
        line = indented.strip()
        if line.startswith("$ durable "):
            shown.commands.append(shlex.split(line)[2:])
        elif line[0] in _OF_THE_TREE:
            shown.tree.append(line)
        else:
            (shown.log if line.startswith(_LOGGED) else shown.result).append(line)
    return shown


def follow(shown: Shown, cli: Cli, *, until: str = "durable callback success") -> subprocess.CompletedProcess[str]:
    """Run the commands: the first one, and those that answer it when it has printed the line that is waited `until`."""
    run, *answers = shown.commands
    process = cli.start(*run)
    seen = ""
    for words in answers:
        seen += read_until(process, until)
        if "durable callback success" not in until:
            seen += read_until(process, "durable callback success")
        told = cli(*[callback_id_in(seen[seen.rindex(" waits for an answer") :]) if w == "ID" else w for w in words])
        assert told.returncode == 0, told.stderr
    output, errors = process.communicate(timeout=30)
    return subprocess.CompletedProcess(run, process.returncode, seen + output, errors)


def assert_is_as_shown(shown: Shown, cli: Cli, done: subprocess.CompletedProcess[str]) -> None:
    """The run succeeded, and its result, its log and its tree are those of the docstring."""
    assert done.returncode == 0, done.stdout + done.stderr
    name = done.stdout.splitlines()[0].split()[0]
    assert_is("run", shown.result, done.stdout.split(f"{name}  succeeded")[-1].partition("\n")[2])
    assert_shows("run", shown.log, done.stderr)
    assert_shows("show", shown.tree, cli("show", name).stdout)
