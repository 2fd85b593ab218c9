"""The command: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import time
from pathlib import Path
from types import ModuleType

from benchmarks import report
from benchmarks.environments import PEERS, ROOT, SUBJECTS, prepare
from benchmarks.figures import Line, Results
from benchmarks.rows import LONG, NAMES
from benchmarks.runner import SCRATCH, run_row


def main() -> int:
    """Measure, print the table, write the file. 1 when a probe failed; an ask that is not met is no failure."""
    arguments = _arguments()
    names = [*arguments.rows, *(LONG if arguments.long else ())]
    rows = {name: importlib.import_module(f"benchmarks.rows.{name}") for name in dict.fromkeys(names)}
    began = time.monotonic()
    subjects = ["ours"] if arguments.no_peers else ["ours", *_wanted_peers(rows, arguments.quick)]
    versions = {name: prepare(name, _say) for name in _environments(rows, subjects, arguments.quick)}
    SCRATCH.mkdir(parents=True, exist_ok=True)
    sections: dict[str, tuple[str, list[Line], Results]] = {}
    failures: list[str] = []
    for number, (name, row) in enumerate(rows.items(), 1):
        probes = [each for each in row.plan(arguments.quick) if each.subject in (*subjects, "bare")]
        position = f"[{number}/{len(rows)}] "
        results, failed = run_row(row, probes, lambda text, position=position: _say(position + text))
        sections[name] = (row.TITLE, row.lines(results), results)
        failures += failed
    shutil.rmtree(SCRATCH, ignore_errors=True)
    _say("")
    print(report.table([(title, lines) for title, lines, _ in sections.values()]))
    for failure in failures:
        print(f"FAILED  {failure}")
    report.write(arguments.json, sections, versions, failures)
    print(f"\n{time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f}; written to {arguments.json}")
    return int(bool(failures))


def _wanted_peers(rows: dict[str, ModuleType], quick: bool) -> list[str]:
    asked = {probe.subject for row in rows.values() for probe in row.plan(quick)}
    return [peer for peer in PEERS if peer in asked]


def _environments(rows: dict[str, ModuleType], subjects: list[str], quick: bool) -> list[str]:
    """Of the subjects, and of the servers that rows start for them."""
    served = [
        row.ENVIRONMENTS[probe.subject]
        for row in rows.values()
        for probe in row.plan(quick)
        if hasattr(row, "ENVIRONMENTS") and probe.subject in (*subjects, "bare")
    ]
    return list(dict.fromkeys([*subjects, *served]))


def _arguments() -> argparse.Namespace:
    titles = "\n".join(
        f"  {name:<16} {importlib.import_module(f'benchmarks.rows.{name}').TITLE}" for name in (*NAMES, *LONG)
    )
    peers = "\n".join(f"  {SUBJECTS[peer].requirement}" for peer in PEERS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure durable-lambda beside its peers: each in an environment of its own, in turn, in one run.",
        epilog=f"rows:\n{titles}\n\npeers, installed when first needed:\n{peers}\n\n"
        "Figures are medians of rounds. 'better by' compares with the best peer; 'floor' is what the machine needs\n"
        "without any library; 'noise' is the range of our rounds over their median.\n\n"
        "examples:\n  make bench\n  make bench ARGS=--long\n  make bench ARGS='--quick --no-peers'\n"
        "  make bench ARGS='--rows replay,fresh'",
    )
    parser.add_argument("--rows", type=_row_names, default=list(NAMES), help="some rows only, separated by commas")
    parser.add_argument("--long", action="store_true", help=f"{' and '.join(LONG)} too: twenty minutes")
    parser.add_argument("--quick", action="store_true", help="few rounds, small sizes: a minute, and noisy")
    parser.add_argument("--no-peers", action="store_true", help="this package and the floors only")
    parser.add_argument(
        "--json", type=Path, default=ROOT / "out" / "bench.json", metavar="PATH", help="default: out/bench.json"
    )
    return parser.parse_args()


def _row_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in (*NAMES, *LONG)]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"no such row: {', '.join(unknown) or text!r}; there are {', '.join((*NAMES, *LONG))}"
        )
    return names


def _say(text: str) -> None:
    """Progress: one line of a terminal, written over; in a log, a line for each environment and row."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", file=sys.stderr, flush=True)
        return
    shown = text.partition(":")[0] if text.startswith("[") else text
    if shown and shown not in _said:
        _said.add(shown)
        print(shown, file=sys.stderr, flush=True)


_said: set[str] = set()


if __name__ == "__main__":
    sys.exit(main())
