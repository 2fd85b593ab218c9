"""`durable replay`: recorded histories against today's code, for a look and for a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from durable_lambda.cli.failure import FAILED, CommandError
from durable_lambda.cli.output import print_json, print_lines
from durable_lambda.cli.target import load_target
from durable_lambda.errors import ValidationError
from durable_lambda.testing.replaying import ReplayReport, replay


def replay_command(target: str, history: Path, *, as_json: bool) -> None:
    """Replay a history, or every `*.json` below a folder. Raises `CommandError` if one differs, or is no history."""
    paths = _paths(history)
    function = load_target(target)
    reports: list[tuple[Path, ReplayReport]] = []
    for path in paths:
        try:
            reports.append((path, replay(function, path)))
        except ValidationError as error:
            raise CommandError(f"{path}: {error}") from error
        if not as_json:
            print_lines(f"{'ok     ' if reports[-1][1].ok else 'differs'}  {path}", *_details(reports[-1][1]))
    if as_json:
        print_json({"Replays": [_told(path, report) for path, report in reports]})
    different = sum(not report.ok for _, report in reports)
    if different:
        raise CommandError(f"{different} of {len(reports)} histories differ from the code", FAILED)


def _paths(history: Path) -> list[Path]:
    if not history.exists():
        raise CommandError(f"the history {history} is not there")
    if history.is_file():
        return [history]
    paths = sorted(history.rglob("*.json"))
    if not paths:
        raise CommandError(f"the folder {history} has no *.json files")
    return paths


def _details(report: ReplayReport) -> list[str]:
    lines = [line for difference in report.differences for line in difference.rstrip().splitlines()]
    if report.goes_on_with is not None and report.ok:
        lines.append(f"goes on with {report.goes_on_with}")
    return [f"         {line}" for line in lines]


def _told(path: Path, report: ReplayReport) -> dict[str, Any]:
    return {
        "History": str(path),
        "Function": report.function,
        "DurableExecutionName": report.execution,
        "Status": report.status,
        "Operations": report.operations,
        "Ok": report.ok,
        "Differences": list(report.differences),
        "GoesOnWith": report.goes_on_with,
    }
