"""The code in the README and in `docs/` is run as a reader would run it.

A Python block whose first line is `# name.py` is saved under that name; any other must run by itself. In a `console`
block each line that begins with `$ durable` or `$ pytest` is run, in the order of the page, in the folder of those
files. The lines below it are what it prints: each must be there, in that order; `…` stands for anything. `ID` is the id
of the callback that is waited for. A block after `<!-- runs on -->` is one that waits for another block: it is left
running meanwhile. The pages of the operations have the files of their index as well.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from durable_lambda import DurableContext
from shown import assert_shows

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
INDEX = ROOT / "docs" / "operations.md"
PROGRAMS = {"durable": [str(Path(sys.executable).with_name("durable"))], "pytest": [sys.executable, "-m", "pytest"]}
if not any(plugin.name == "durable_lambda" for plugin in entry_points(group="pytest11")):
    PROGRAMS["pytest"] += ["-p", "durable_lambda.testing.pytest_plugin"]  # not installed, but on the path


class Block(NamedTuple):
    language: str
    runs_on: bool
    text: str

    @property
    def file_name(self) -> str:
        """What a block of Python is saved as; empty for one that is run."""
        named = re.match(r"# (\w+\.py)\n", self.text) if self.language == "python" else None
        return named[1] if named else ""


class Command(NamedTuple):
    line: str
    expected: list[str]


def blocks(page: Path) -> Iterator[Block]:
    pattern = re.compile(r"(<!-- runs on -->\n+)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for match in pattern.finditer(page.read_text(encoding="utf-8")):
        yield Block(match[2], bool(match[1]), match[3])


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], []))
        elif found and line.strip():
            found[-1].expected.append(line.strip())
    return [command for command in found if command.line.split()[0] in PROGRAMS]


class Reader:
    """Somebody with a terminal or two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: list[tuple[Command, subprocess.Popen[str]]] = []

    def save_files(self, page: Path) -> None:
        for block in blocks(page):
            if block.file_name:
                (self.folder / block.file_name).write_text(block.text, encoding="utf-8")

    def follow(self, block: Block) -> None:
        if block.file_name:
            (self.folder / block.file_name).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            subprocess.run([sys.executable, "-c", block.text], check=True, cwd=self.folder)
        elif block.language == "console":
            for command in commands(block):
                self.run(command, runs_on=block.runs_on)

    def run(self, command: Command, *, runs_on: bool) -> None:
        program, *arguments = shlex.split(command.line, comments=True)
        words = PROGRAMS[program] + arguments
        if "ID" in words:
            words[words.index("ID")] = self.callback_id()
        process = subprocess.Popen(
            words, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
        self.waiting.append((command, process))
        if not runs_on:
            self.finish(len(self.waiting) - 1 if "callback" not in words else 0)

    def callback_id(self) -> str:
        """The callback that an execution in the folder waits for, as soon as one does."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for execution in self.json("list")["DurableExecutions"] if (self.folder / "durable.db").exists() else []:
                for operation in self.json("show", execution["DurableExecutionArn"])["Operations"]:
                    if operation["Type"] == "CALLBACK" and operation["Status"] == "STARTED":
                        return str(operation["CallbackDetails"]["CallbackId"])
        raise AssertionError("no callback is waited for")

    def json(self, *arguments: str) -> Any:
        run = subprocess.run(
            [*PROGRAMS["durable"], *arguments, "--json"], cwd=self.folder, capture_output=True, check=True
        )
        return json.loads(run.stdout)

    def finish(self, still_waiting: int = 0) -> None:
        """The last command must end well, and what waited for it; all others go on waiting."""
        while len(self.waiting) > still_waiting:
            command, process = self.waiting.pop()
            output, _ = process.communicate(timeout=30)
            assert process.returncode == 0, f"$ {command.line}\nexited with {process.returncode}:\n{output}"
            assert_shows(command.line, command.expected, output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_the_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        if page.is_relative_to(INDEX.with_suffix("")) or page == INDEX:
            reader.save_files(INDEX)
        for block in blocks(page):
            reader.follow(block)
        reader.finish()
    finally:
        for _, process in reader.waiting:
            process.kill()
            process.communicate()


def test_every_python_block_is_closed_and_every_page_is_read() -> None:
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("```") % 2 == 0, page
    assert len(PAGES) >= 3


def test_links_between_pages_and_to_files_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert "://" in link or (page.parent / link).exists(), f"{page}: {link}"


def test_each_operation_has_a_page_with_what_is_replayed_and_the_index_has_each_page() -> None:
    index = INDEX.read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs" / "operations").glob("*.md"))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert f"(operations/{page.name})" in index
        assert "```python" in text
        assert "../../examples/operations/" in text, f"{page.name} names no example"
        assert "**Replayed**" in text or "is replayed" in text, page.name
    methods = {name for name, value in vars(DurableContext).items() if callable(value) and not name.startswith("_")}
    told = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert methods <= set(re.findall(r"\bctx\.(\w+)\(", told))
