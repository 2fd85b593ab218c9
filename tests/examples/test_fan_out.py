"""A thousand invoices: through the command, whose output stays readable, and from the middle of it after a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from command import Cli
from crashes import run_on, run_with_copies
from docstrings import assert_is_as_shown, follow, shown_in

FOLDER = Path(__file__).parents[2] / "examples" / "fan_out"
EVENT = {"month": "2026-03", "customers": 1000}
SUMMARY = {"month": "2026-03", "sent": 999, "total_cents": 4_988_750, "not_sent": ["customer-0404 has no address"]}


def test_what_its_docstring_shows_is_what_happens_in_a_few_lines(examples_cli: Callable[[str], Cli]) -> None:
    shown, cli = shown_in(FOLDER / "app.py"), examples_cli("fan_out")
    done = follow(shown, cli)
    assert_is_as_shown(shown, cli, done)
    assert len(done.stdout.splitlines()) < 100
    assert re.search(r"✗ customer-0404  item  failed .* app\.NoAddress: customer-0404 has no address", done.stdout)
    operations = cli.json("show", "march")["Operations"]
    assert sum(each.get("SubType") == "MapIteration" for each in operations) == 1000


def test_a_month_with_more_failures_than_are_tolerated_fails(examples_cli: Callable[[str], Cli]) -> None:
    cli = examples_cli("fan_out")
    source = (cli.folder / "app.py").read_text(encoding="utf-8")
    (cli.folder / "app.py").write_text(source.replace("if n == 404", "if n % 10 == 4"), encoding="utf-8")
    done = cli("run", "app.py:handler", "--event", json.dumps(EVENT), "--name", "april", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["Error"]
    assert "FAILURE_TOLERANCE_EXCEEDED" in error["ErrorMessage"]
    assert "customer-0004 has no address" in error["ErrorMessage"]


def test_a_crash_in_the_middle_comes_to_the_same_summary(load: Callable[[Path], ModuleType], tmp_path: Path) -> None:
    functions = [load(FOLDER / "app.py").handler]
    result, copies = run_with_copies(functions, EVENT, tmp_path)
    assert result == SUMMARY
    assert len(copies) > 20
    for copy in copies[:: len(copies) // 3]:
        assert run_on(functions, copy) == SUMMARY
