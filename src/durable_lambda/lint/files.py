"""From paths to findings: walks folders, passes over what is nobody's source, tells what cannot be read and goes on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from durable_lambda.lint.check import check_source, may_matter
from durable_lambda.lint.finding import Finding
from durable_lambda.lint.settings import Settings

SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "__pypackages__", "venv", "build", "dist"})
"""Folders that are not entered unless they are named; nor are those that begin with a dot."""


@dataclass(slots=True)
class Report:
    """What became of a look at some paths."""

    findings: list[Finding] = field(default_factory=list[Finding])
    errors: list[str] = field(default_factory=list[str])
    """Files that could not be read or are no Python: `path: why`."""
    files: int = 0


def check_paths(paths: Iterable[Path], settings: Settings) -> Report:
    """Look at files, and at every Python file below folders."""
    report = Report()
    seen: set[Path] = set()
    for path in paths:
        for file in _files(path, settings, report):
            if file not in seen:
                seen.add(file)
                _check_file(file, settings, report)
    report.findings.sort()
    return report


def _check_file(path: Path, settings: Settings, report: Report) -> None:
    report.files += 1
    try:
        source = path.read_bytes()
        if may_matter(source):
            report.findings += check_source(source, str(path), selected=settings.for_file(path))
    except OSError as error:
        report.errors.append(f"{path}: cannot be read: {error.strerror}")
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        report.errors.append(f"{path}{line}: is no Python: {error.msg}")


def _files(path: Path, settings: Settings, report: Report) -> Iterator[Path]:
    """A file as it is, of a folder the Python files in it, in the order of their names."""
    if not path.is_dir():
        if path.exists():
            yield path
        else:
            report.errors.append(f"{path}: there is no such file or folder")
        return

    def refused(error: OSError) -> None:
        report.errors.append(f"{error.filename}: cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(path, onerror=refused):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not _is_skipped(here, name) and not settings.excludes(here / name)
        )
        for name in sorted(names):
            if name.endswith((".py", ".pyi")) and not settings.excludes(here / name):
                yield here / name


def _is_skipped(folder: Path, name: str) -> bool:
    return name.startswith(".") or name in SKIPPED or (folder / name / "pyvenv.cfg").is_file()
