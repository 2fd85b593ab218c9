"""The examples, loaded as the command line loads them, and each in a folder of its own to be run in."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from command import Cli

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], ModuleType]:
    """Load a file under its stem; forgotten when the test ends, with what it has set of the log."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)

    def load_file(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        return module

    return load_file


@pytest.fixture
def examples_cli(tmp_path: Path) -> Iterator[Callable[[str], Cli]]:
    """The `durable` command in a copy of a folder of the examples."""
    opened: list[Cli] = []

    def open_folder(name: str) -> Cli:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))
        opened.append(Cli(folder))
        return opened[-1]

    yield open_folder
    for cli in opened:
        cli.close()
