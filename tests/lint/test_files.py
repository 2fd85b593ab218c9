"""Folders that are walked, files that are passed over, files that cannot be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda.lint.files import check_paths
from durable_lambda.lint.settings import Settings

WRONG = """
import time
from durable_lambda import durable_execution
@durable_execution
async def f(a, b):
    time.time()
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "app.py",
        "deep/er/app.py",
        ".venv/app.py",
        ".git/app.py",
        "__pycache__/app.py",
        "node_modules/app.py",
        "env/app.py",
        "notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WRONG, encoding="utf-8")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    return tmp_path


DEFAULTS = Settings()


def names(paths: list[Path], root: Path, settings: Settings = DEFAULTS) -> list[str]:
    return [Path(finding.path).relative_to(root).as_posix() for finding in check_paths(paths, settings).findings]


def test_folders_are_walked_but_for_environments_caches_and_hidden_ones(tree: Path) -> None:
    assert names([tree], tree) == ["app.py", "deep/er/app.py"]


def test_what_is_named_is_looked_at_wherever_it_is_and_whatever_its_ending(tree: Path) -> None:
    named = [tree / ".venv", tree / "notes.txt", tree / "app.py", tree / "app.py"]
    assert names(named, tree) == [".venv/app.py", "app.py", "notes.txt"]


def test_what_is_excluded_is_not_entered(tree: Path) -> None:
    assert names([tree], tree, Settings(exclude=("deep",), root=tree)) == ["app.py"]
    assert names([tree], tree, Settings(exclude=("app.py",), root=tree)) == []


def test_a_rule_may_be_off_for_some_files(tree: Path) -> None:
    settings = Settings(per_file_ignores=(("deep", frozenset({"DUR001"})),), root=tree)
    assert names([tree], tree, settings) == ["app.py"]


def test_a_file_that_is_no_python_is_told_and_the_rest_is_looked_at(tree: Path) -> None:
    (tree / "broken.py").write_text("import durable_lambda\ndef (", encoding="utf-8")
    (tree / "odd.py").write_bytes(b"# coding: nonsense\nimport durable_lambda\n")
    report = check_paths([tree, tree / "nowhere"], Settings())
    assert len(report.findings) == 2
    assert [error.removeprefix(str(tree)).split(":")[0] for error in report.errors] == [
        "/broken.py",
        "/odd.py",
        "/nowhere",
    ]
    assert report.errors[0].startswith(f"{tree / 'broken.py'}:2: is no Python: ")
    assert report.errors[2].endswith("there is no such file or folder")


def test_a_link_to_nothing_is_told(tree: Path) -> None:
    (tree / "gone.py").symlink_to(tree / "nowhere.py")
    assert check_paths([tree], Settings()).errors == [f"{tree / 'gone.py'}: cannot be read: No such file or directory"]


def test_a_file_without_the_word_is_not_parsed(tree: Path) -> None:
    (tree / "other.py").write_text("def (", encoding="utf-8")
    report = check_paths([tree / "other.py"], Settings())
    assert (report.files, report.findings, report.errors) == (1, [], [])
