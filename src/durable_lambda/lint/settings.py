"""Which rules apply to which file: `[tool.durable-lambda.lint]` in pyproject.toml, and what the command line says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, cast

from durable_lambda.lint.check import DEFAULT
from durable_lambda.lint.rules import RULES

TABLE: Final = "tool.durable-lambda.lint"
_KEYS: Final = ("select", "ignore", "exclude", "per-file-ignores")


class SettingsError(ValueError):
    """The configuration is wrong; the message says where, and what may stand there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is looked for, and where not."""

    selected: frozenset[str] = DEFAULT
    exclude: tuple[str, ...] = ()
    """Patterns of files and folders that are passed over, relative to `root`."""
    per_file_ignores: tuple[tuple[str, frozenset[str]], ...] = ()
    root: Path = Path()

    def for_file(self, path: Path) -> frozenset[str]:
        """The rules that apply to a file."""
        ignored = [codes for pattern, codes in self.per_file_ignores if self._fits(path, pattern)]
        return self.selected.difference(*ignored)

    def excludes(self, path: Path) -> bool:
        """Whether a file or folder is passed over."""
        return any(self._fits(path, pattern) for pattern in self.exclude)

    def _fits(self, path: Path, pattern: str) -> bool:
        """A pattern fits a path relative to the root, a folder above it, or a name anywhere in it."""
        absolute, root = path.absolute(), self.root.absolute()
        relative = absolute.relative_to(root) if absolute.is_relative_to(root) else absolute
        whole = [relative, *relative.parents]
        return any(fnmatch(each.as_posix(), pattern.rstrip("/")) for each in whole) or any(
            fnmatch(part, pattern) for part in relative.parts
        )


def load_settings(
    folder: Path, *, select: Iterable[str] | None = None, ignore: Iterable[str] | None = None
) -> Settings:
    """What the nearest pyproject.toml with the table says; `select` and `ignore` of a command line stand instead.

    Raises:
        SettingsError: A key, a code or a file is wrong.
    """
    table, root, where = _table(folder)
    for key in table:
        if key not in _KEYS:
            raise SettingsError(f"{where}: [{TABLE}] knows {', '.join(_KEYS)}, not {key!r}")
    selection = _codes(select, "--select") if select is not None else _listed(table, "select", where)
    ignored = _codes(ignore, "--ignore") if ignore is not None else _listed(table, "ignore", where)
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise SettingsError(f"{where}: per-file-ignores in [{TABLE}] must be a table of patterns to lists of codes")
    return Settings(
        (DEFAULT if selection is None else selection) - (ignored or frozenset()),
        tuple(_strings(table.get("exclude", []), "exclude", where)),
        tuple(
            (pattern, _codes(_strings(codes, f"per-file-ignores {pattern!r}", where), where))
            for pattern, codes in cast("dict[str, Any]", per_file).items()
        ),
        root,
    )


def _table(folder: Path) -> tuple[dict[str, Any], Path, str]:
    for each in (folder.absolute(), *folder.absolute().parents):
        path = each / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from None
        for key in TABLE.split("."):
            document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
        if isinstance(document, dict):
            return cast("dict[str, Any]", document), each, str(path)
    return {}, folder, TABLE


def _listed(table: dict[str, Any], key: str, where: str) -> frozenset[str] | None:
    return _codes(_strings(table[key], key, where), where) if key in table else None


def _strings(value: Any, key: str, where: str) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(each, str) for each in items):
        raise SettingsError(f"{where}: {key} in [{TABLE}] must be a list of strings, not {value!r}")
    return cast("list[str]", items)


def _codes(entries: Iterable[str], where: str) -> frozenset[str]:
    """The codes that entries stand for: `DUR003`, a beginning such as `DUR00`, or `ALL`, with commas between."""
    found: set[str] = set()
    for entry in (part.strip().upper() for each in entries for part in each.split(",")):
        fitting = {code for code in RULES if entry == "ALL" or (entry and code.startswith(entry))}
        if not fitting:
            raise SettingsError(f"{where}: {entry!r} is no rule: they are {min(RULES)} to {max(RULES)}, or ALL")
        found |= fitting
    return frozenset(found)
