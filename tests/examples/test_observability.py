"""The example that can be watched, as `durable run` runs it: its lines and its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "observability.py"
DURABLE = Path(sys.executable).with_name("durable")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a run of two items has logged."""
    command = [DURABLE, "run", f"{EXAMPLE}:handler", "--event", '["apples", "pears"]', "--skip-time"]
    folder = tmp_path_factory.mktemp("run")
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=50)
    assert ran.stdout.rstrip().endswith("\n2")
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def test_each_line_of_the_handler_is_logged_once(lines: list[dict[str, Any]]) -> None:
    messages = [line["message"] for line in lines]
    assert messages.count("order taken") == messages.count("order complete") == 1


def test_every_line_names_the_one_execution(lines: list[dict[str, Any]]) -> None:
    assert len({line["executionArn"] for line in lines}) == 1
    assert len({line["requestId"] for line in lines}) == 3


def test_the_lines_of_a_body_name_the_step_and_its_attempt(lines: list[dict[str, Any]]) -> None:
    looking = [line for line in lines if line["message"] == "looking for a shelf"]
    assert [(line["operationName"], line["attempt"], line["item"]) for line in looking] == [
        ("take-apples", 1, "apples"),
        ("take-apples", 2, "apples"),
        ("take-pears", 1, "pears"),
        ("take-pears", 2, "pears"),
    ]


def test_the_hook_counts_each_thing_once_over_all_invocations(lines: list[dict[str, Any]]) -> None:
    ends = [line for line in lines if line["message"].startswith("invocation ")]
    assert [line["message"].split()[1] for line in ends] == ["SUSPENDED", "SUSPENDED", "SUCCEEDED"]
    assert ends[-1]["operations"] == {"step SUSPENDED": 2, "step SUCCEEDED": 2}
    assert ends[-1]["attempts"] == {"FAILED": 2, "SUCCEEDED": 2}
    assert ends[-1]["retries"] == 2
