"""One example for each operation: what its docstring shows happens, and no crash changes what it comes to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from command import Cli
from crashes import recorded_in, run_on, run_with_copies
from docstrings import assert_is_as_shown, follow, shown_in
from durable_lambda.protocol.hosting import DurableFunction

FOLDER = Path(__file__).parents[2] / "examples" / "operations"
FILES = sorted(FOLDER.glob("*.py"))

INTERRUPTED: Final[dict[str, Any]] = {"at_most_once": "somebody has to look at the printer for B 12"}
"""What is come to as well where a crash may be seen, because the example is about that."""

each_example = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def functions_of(module: ModuleType, first: str) -> list[DurableFunction]:
    found = [value for value in vars(module).values() if isinstance(value, DurableFunction)]
    return sorted(found, key=lambda function: function is not getattr(module, first))


@each_example
def test_what_its_docstring_shows_is_what_happens(path: Path, examples_cli: Callable[[str], Cli]) -> None:
    shown, cli = shown_in(path), examples_cli("operations")
    assert shown.result, "it shows what comes of it"
    assert_is_as_shown(shown, cli, follow(shown, cli))


@each_example
def test_a_crash_at_any_moment_comes_to_the_same(
    path: Path, load: Callable[[Path], ModuleType], tmp_path: Path
) -> None:
    shown = shown_in(path)
    functions = functions_of(load(path), shown.target)
    answer = shown.option("--result", command=1) if len(shown.commands) > 1 else None
    expected, copies = run_with_copies(functions, shown.option("--event"), tmp_path, answer=answer)
    assert len(copies) >= 2, "there are moments to crash at"
    allowed = [expected, INTERRUPTED.get(path.stem, expected)]
    for copy in copies:
        if "Now" in recorded_in(copies[-1]) - recorded_in(copy):
            continue  # it would come to a later time, which is right and not the same
        assert run_on(functions, copy, answer=answer) in allowed, copy.name


def test_each_operation_of_the_context_has_an_example() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    used = set(re.findall(r"\bctx\.(\w+)\(", text))
    from durable_lambda import DurableContext

    methods = {name for name, value in vars(DurableContext).items() if callable(value) and not name.startswith("_")}
    assert methods <= used


def test_a_log_line_is_written_once_although_the_function_runs_again(examples_cli: Callable[[str], Cli]) -> None:
    cli = examples_cli("operations")
    shown = shown_in(FOLDER / "logs.py")
    assert follow(shown, cli).stderr.count("watering basil, day 1") == 1


def test_an_expense_is_not_paid_when_its_approver_refuses_or_cannot_decide(
    examples_cli: Callable[[str], Cli],
) -> None:
    cli = examples_cli("operations")
    shown = shown_in(FOLDER / "wait_for_callback.py")
    run, answer = shown.commands
    refusal = [*answer[:3], "--result", '{"approved": false, "note": "no receipt"}']
    assert '"nothing to Ada: no receipt"' in follow(shown._replace(commands=[run, refusal]), cli).stdout
    failure = ["callback", "failure", "ID", "--message", "on leave"]
    assert '"grace could not decide: on leave"' in follow(shown._replace(commands=[run, failure]), cli).stdout


def test_the_list_of_examples_has_each_of_them() -> None:
    listed = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for path in [*FILES, *FOLDER.parent.glob("*/app.py")]:
        assert f"({path.relative_to(FOLDER.parent)})" in listed
