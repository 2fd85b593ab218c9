"""The corpus of right and wrong functions: what is marked is found, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from durable_lambda.lint import RULES
from lint.marks import CORPUS, found, marks

ROOT = Path(__file__).parents[2]


def rule_of(path: Path) -> str:
    """The code of the rule that a file is about; files about no single one have another name."""
    return path.stem.partition("_")[0].upper()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_is_marked_is_found_and_nothing_else(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    expected, got = marks(source), found(source, rule_of(path))
    lines = source.splitlines()

    def told(codes: object) -> list[str]:
        return [f"{path.name}:{line} {code}: {lines[line - 1].strip()}" for line, code in codes]  # type: ignore[attr-defined]

    assert got == expected, {"missed": told(expected - got), "false alarms": told(got - expected)}


@pytest.mark.parametrize("code", RULES)
def test_each_rule_has_five_wrong_and_five_right_variants_and_a_blocking_one_of_each(code: str) -> None:
    by_kind = {path.stem.rpartition("_")[2]: path for path in CORPUS if rule_of(path) == code}
    assert sorted(by_kind) == ["right", "wrong"]
    for kind, path in by_kind.items():
        source = path.read_text(encoding="utf-8")
        handlers = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and any("durable_execution" in ast.unparse(decorator) for decorator in node.decorator_list)
        ]
        assert len(handlers) >= 5, path
        needs_blocking = not (kind == "wrong" and code in ("DUR008", "DUR011", "DUR017"))  # they cannot go wrong so
        assert any(isinstance(node, ast.FunctionDef) for node in handlers) or not needs_blocking, path
        if kind == "wrong":
            assert sum(count for (_, marked), count in marks(source).items() if marked == code) >= 5, path


@pytest.mark.parametrize("code", RULES)
@pytest.mark.parametrize("kind", ["wrong", "right"])
def test_the_examples_of_a_rule_are_what_they_are_called(code: str, kind: str) -> None:
    source: str = getattr(RULES[code], kind)
    assert found(source, code) == marks(source)
    assert bool(marks(source)) == (kind == "wrong")


@pytest.mark.parametrize("folder", ["examples", "benchmarks", "conformance", "deploy", "src"])
def test_there_is_no_false_alarm_in_our_own_code(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert [
        (path, found(path.read_text(encoding="utf-8"))) for path in files if found(path.read_bytes().decode())
    ] == []


def test_there_is_no_false_alarm_in_the_handlers_of_our_tests_that_run_to_their_end_on_every_replay() -> None:
    """The random workflows and programs that `tests/reliability` and the invariants carry through every crash."""
    sound = [
        *sorted((ROOT / "tests" / "reliability").rglob("*.py")),
        *(ROOT / "tests" / f"{name}.py" for name in ("drive", "scripted", "batch_programs", "command")),
        *(ROOT / "tests" / "sdk" / f"test_{name}.py" for name in ("invariants", "parallel", "map", "saga", "child")),
    ]
    assert [
        (path, found(path.read_text(encoding="utf-8"))) for path in sound if found(path.read_bytes().decode())
    ] == []
