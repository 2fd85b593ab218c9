"""The linter as a plugin of flake8: the real one, with the plugin that pyproject.toml declares."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from lint.marks import CORPUS, findings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (entry,) = project["project"]["entry-points"]["flake8.extension"].items()
    is_installed = bool(entry_points(group="flake8.extension", name=entry[0]))  # flake8 has it already, and not twice
    plugins = "" if is_installed else f"[flake8:local-plugins]\nextension =\n    {entry[0]} = {entry[1]}\n"
    path = tmp_path / "flake8.ini"
    path.write_text(plugins, encoding="utf-8")
    return path


def flake8(config: Path, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "flake8", "--config", str(config), "-j1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_flake8_finds_what_the_command_finds_and_heeds_noqa(config: Path) -> None:
    paths = [path for path in CORPUS if path.stem in ("dur001_wrong", "dur004_wrong", "silenced_wrong", "styles_right")]
    expected = [
        f"{path}:{each.line}:{each.column}: {each.code} {each.message}"
        for path in paths
        for each in findings(path.read_text(encoding="utf-8"))
    ]
    assert flake8(config, "--select", "DUR", "--ignore", "DUR014,DUR015", *map(str, paths)) == expected


def test_what_is_off_by_default_is_off_in_flake8_until_it_is_named(config: Path, tmp_path: Path) -> None:
    (wrong,) = (path for path in CORPUS if path.stem == "dur014_wrong")
    assert [line for line in flake8(config, str(wrong)) if "DUR" in line] == []
    assert [line for line in flake8(config, "--extend-select", "DUR014", str(wrong)) if "DUR014" in line]
