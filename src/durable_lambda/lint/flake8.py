"""The linter as a plugin of flake8, which finds it by its entry point: the same findings under the same codes.

flake8 has its own way to select, to ignore and to heed `# noqa`, so none of that is done here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from durable_lambda.lint.check import DEFAULT, check_tree
from durable_lambda.lint.rules import RULES


def _version() -> str:
    try:
        return version("durable-lambda")
    except PackageNotFoundError:  # run from its source
        return "0"


class DurableChecker:
    """Made by flake8 for each file."""

    name = "durable-lambda"
    version = _version()

    def __init__(self, tree: ast.Module, lines: list[str], filename: str = "<text>") -> None:
        self._tree = tree
        self._lines = [line.rstrip("\r\n") for line in lines]
        self._filename = filename

    @classmethod
    def add_options(cls, option_manager: Any) -> None:
        """What is off by default here is off by default there, until `--extend-select` or `--select` names it."""
        option_manager.extend_default_ignore(sorted(set(RULES) - DEFAULT))

    def run(self) -> Iterator[tuple[int, int, str, type]]:
        """Each finding, as flake8 wants it: line, column from 0, text, and the plugin."""
        found = check_tree(self._tree, self._lines, self._filename, selected=RULES, silenced=False)
        for finding in found:
            yield finding.line, finding.column - 1, f"{finding.code} {finding.message}", type(self)
