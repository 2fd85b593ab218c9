"""The shape of a run: which operations, in which order, with which outcome. What a snapshot keeps.

Times, ids, results and errors are left out: a snapshot says how a function goes about its work, and changes when that
does. A difference in it is one that executions in flight would meet.
"""

from __future__ import annotations

import difflib
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from durable_lambda.testing.operations import Operations, OperationView

if TYPE_CHECKING:
    from durable_lambda.testing.view import RunView

UPDATE_VARIABLE = "DURABLE_UPDATE_SNAPSHOTS"


def shape_of(operations: Operations, indent: str = "") -> str:
    """The operations one a line, children below their context and indented."""
    return "".join(_line(view, indent) + shape_of(view.children, indent + "  ") for view in operations)


def assert_shape(run: RunView, expected: str | Path) -> None:
    """The run's operations are the expected ones, in their order and with their outcome.

    Args:
        run: A run that has ended, or not.
        expected: The shape as text, as `run.shape()` gives it, or the path of a file with it. The file is written when
            the environment variable `DURABLE_UPDATE_SNAPSHOTS` is set.

    Raises `AssertionError` with a diff.

    ```python
    assert_shape(run, Path("snapshots/order.txt"))
    ```
    """
    found = run.shape()
    if isinstance(expected, Path):
        if os.environ.get(UPDATE_VARIABLE):
            expected.parent.mkdir(parents=True, exist_ok=True)
            expected.write_text(found, encoding="utf-8")
            return
        if not expected.exists():
            raise AssertionError(
                f"there is no snapshot {expected} yet; run the test once with {UPDATE_VARIABLE}=1 to write it:\n{found}"
            )
        wanted = expected.read_text(encoding="utf-8")
        hint = f"\nIf it is meant to be so: {UPDATE_VARIABLE}=1 writes {expected} anew."
    else:
        wanted, hint = textwrap.dedent(expected).strip("\n"), ""
    if wanted.rstrip() == found.rstrip():
        return
    lines = difflib.unified_diff(
        wanted.splitlines(), found.splitlines(), "expected", "this run", lineterm="", n=len(found.splitlines())
    )
    raise AssertionError("the operations differ:\n" + "\n".join(lines) + hint)


def _line(view: OperationView, indent: str) -> str:
    attempts = f" after {view.attempts} attempts" if view.attempts > 1 else ""
    return f"{indent}{view.kind} {view.name or '(no name)'}: {view.status}{attempts}\n"
