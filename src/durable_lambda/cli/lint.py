"""`durable lint`: what a replay would do otherwise, found in source files. Nothing of them is run."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import typer

from durable_lambda.cli.failure import FAILED, USAGE, CommandError
from durable_lambda.cli.output import print_lines
from durable_lambda.drawing.words import visible
from durable_lambda.lint.files import Report, check_paths
from durable_lambda.lint.formats import as_github, as_json, as_text, explained
from durable_lambda.lint.rules import RULES
from durable_lambda.lint.settings import SettingsError, load_settings


def lint_command(
    paths: list[Path], *, select: list[str] | None, ignore: list[str] | None, output_format: str, exit_zero: bool
) -> None:
    """Look at files and folders; exit 1 if something is found, 2 if a file could not be looked at."""
    try:
        settings = load_settings(Path.cwd(), select=select, ignore=ignore)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    report = check_paths(paths, settings)
    for error in report.errors:
        typer.echo(f"durable: {visible(error)}", err=True)
    _print(report, output_format)
    if report.errors:
        raise typer.Exit(USAGE)
    if report.findings and not exit_zero:
        raise typer.Exit(FAILED)


def explain_command(code: str) -> None:
    """Print what a rule is for."""
    rule = RULES.get(code.upper())
    if rule is None:
        raise CommandError(f"{code!r} is no rule: they are {', '.join(RULES)}")
    print_lines(explained(rule))


def _print(report: Report, output_format: str) -> None:
    if output_format == "json":
        print_lines(as_json(report.findings, RULES))
    elif output_format == "github":
        print_lines(*as_github(report.findings))
    else:
        source = _lines_of if sys.stdout.isatty() else None
        print_lines(*(visible(line) for line in as_text(report.findings, source)), _told(report))


def _told(report: Report) -> str:
    count, files = len(report.findings), f"{report.files} file{'' if report.files == 1 else 's'}"
    if count:
        return f"{count} finding{'' if count == 1 else 's'} in {files}; durable lint --explain CODE tells more"
    return f"nothing found in {files}"


@functools.cache
def _lines_of(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
