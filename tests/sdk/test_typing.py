"""Pyright infers what the operations return, and refuses calls that are wrong."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    assert report["summary"]["filesAnalyzed"] == len(FILES) == 2, report
    by_file: dict[str, dict[int, str]] = {}
    for each in report["generalDiagnostics"]:
        if each["severity"] == "error":
            lines = by_file.setdefault(Path(each["file"]).name, {})
            lines.setdefault(each["range"]["start"]["line"] + 1, each["message"])
    return by_file


def test_every_operation_gives_what_the_code_in_it_returns() -> None:
    assert errors().get("inferred.py", {}) == {}


def test_calls_that_are_wrong_do_not_type_check_and_others_do() -> None:
    lines = (TYPING / "wrong_calls.py").read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = errors().get("wrong_calls.py", {})
    assert {number: lines[number - 1].strip() for number in marked - found.keys()} == {}, "these type-check"
    assert {number: found[number] for number in found.keys() - marked} == {}, "these do not"
