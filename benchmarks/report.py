"""The table, and the file with everything that was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.figures import Line, Measured, Results, percentile

_COLUMNS = ("ours", "official", "async_peer", "dbos", "bare")
_HEADINGS = ("", "ours", "official", "async", "DBOS", "floor", "better by", "noise", "ask", "")


def table(sections: list[tuple[str, list[Line]]]) -> str:
    """All lines, under the titles of their rows."""
    rows: list[tuple[str, ...]] = []
    for title, lines in sections:
        rows.append((title,))
        rows += [_cells(line) for line in lines]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows] if len(row) > 1) for column in range(len(_HEADINGS))]
    return "\n".join(_shown(row, widths) for row in [_HEADINGS, *rows])


def _cells(line: Line) -> tuple[str, ...]:
    ratio = "" if line.ratio is None else f"{line.ratio:.1f} ×"
    noise = "" if line.noise is None else f"{line.noise:.0%}"
    verdict = {True: "met", False: "NOT MET", None: ""}[line.met]
    figures = (_number(line.figures.get(subject)) for subject in _COLUMNS)
    return (f"  {line.what}, {line.unit}", *figures, ratio, noise, line.ask, verdict)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.2f}"


def _shown(row: tuple[str, ...], widths: list[int]) -> str:
    if len(row) == 1:
        return f"\n{row[0]}"
    first, *rest = row
    middle = [cell.rjust(width) for cell, width in zip(rest[:-2], widths[1:-2], strict=True)]
    return "  ".join([first.ljust(widths[0]), *middle, rest[-2].ljust(widths[-2]), rest[-1]]).rstrip()


def write(
    path: Path, sections: dict[str, tuple[str, list[Line], Results]], versions: dict[str, str], failures: list[str]
) -> None:
    """Everything, as JSON: the lines, and what each round of each probe printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "machine": machine(),
        "versions": {subject: listing.splitlines() for subject, listing in versions.items()},
        "failures": failures,
        "rows": {
            name: {
                "title": title,
                "lines": [{**vars(line), "ratio": line.ratio} for line in lines],
                "rounds": {key: [_summed_up(each) for each in rounds] for key, rounds in results.measured.items()},
            }
            for name, (title, lines, results) in sections.items()
        },
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _summed_up(measured: Measured) -> Measured:
    """Samples as their distribution: thousands of them are of no use in a file."""
    return {
        name: {
            "samples": len(value),
            **{f"p{percent}": percentile(value, percent) for percent in (0, 10, 50, 90, 99, 100)},
        }
        if isinstance(value, list)
        else value
        for name, value in measured.items()
    }


def machine() -> dict[str, Any]:
    """Where and of what it was measured."""
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "commit": commit,
    }
