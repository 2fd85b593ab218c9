"""Pyright infers what the operations return, and refuses calls that are wrong."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TYPING = Path(__file__).parents[1] / "typing"
FILES = sorted(TYPING.glob("*.py"))


@functools.cache
def errors() -> dict[str, dict[int, str]]:
    """What pyright says of the files, by name and line. One run for all, since it takes a while to start."""
    found = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, FILES)],
        capture_output=True,
        check=False,
        cwd=TYPING,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        text=True,
        timeout=55,
    )
    assert found.returncode in (0, 1), found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    assert report["summary"]["filesAnalyzed"] == len(FILES) == 4, report
    by_file: dict[str, dict[int, str]] = {}
    for each in report["generalDiagnostics"]:
        if each["severity"] == "error":
            lines = by_file.setdefault(Path(each["file"]).name, {})
            lines.setdefault(each["range"]["start"]["line"] + 1, each["message"])
    return by_file


@pytest.mark.parametrize("name", ["inferred.py", "inferred_blocking.py"])
def test_every_operation_gives_what_the_code_in_it_returns(name: str) -> None:
    assert errors().get(name, {}) == {}


@pytest.mark.parametrize("name", ["wrong_calls.py", "wrong_calls_blocking.py"])
def test_calls_that_are_wrong_do_not_type_check_and_others_do(name: str) -> None:
    lines = (TYPING / name).read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = errors().get(name, {})
    assert {number: lines[number - 1].strip() for number in marked - found.keys()} == {}, "these type-check"
    assert {number: found[number] for number in found.keys() - marked} == {}, "these do not"
