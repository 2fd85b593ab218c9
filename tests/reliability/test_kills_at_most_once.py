"""Steps that may not run twice, in a process that is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reliability.boundaries import CHECKPOINT, Boundary
from reliability.conftest import InParallel
from reliability.fork_server import ForkServer
from reliability.ordeal import Kill, Ordeal, interruptions
from reliability.payments import STEPS

BODIES = len(STEPS) + 1  # one of them is tried twice
NAME = "payment-1"


def test_a_kill_in_a_body_ends_in_an_interruption_that_the_function_handles(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    def killed_in(server: ForkServer, number: int) -> tuple[tuple[str, int], set[tuple[str, int]], Any, Any]:
        ordeal = Ordeal(server, tmp_path / str(number), payments=[NAME])
        assert ordeal.live(Kill("body", number)).how == "killed"
        _, step, attempt = (ordeal.folder / "effects").read_text().splitlines()[-1].split()
        ordeal.finish()
        remains = ordeal.aftermath.executions[NAME]
        return (step, int(attempt)), interruptions(remains), remains.result, ordeal.problems

    for (step, attempt), interrupted, result, problems in in_parallel(killed_in, range(1, BODIES + 1)):
        assert problems == []
        assert (step, attempt) in interrupted
        # One step names StepInterruptedError in `retry_on`: its next attempt is a new one.
        assert result[step] == ("paid" if step == "stubborn" else "interrupted")


@pytest.mark.parametrize("kind", CHECKPOINT)
def test_no_attempt_begins_twice_whatever_boundary_the_kill_is_at(
    in_parallel: InParallel[Any, Any], tmp_path: Path, kind: Boundary
) -> None:
    def killed_at(server: ForkServer, number: int) -> tuple[bool, list[tuple[str, str]]]:
        ordeal = Ordeal(server, tmp_path / str(number), payments=[NAME])
        was_killed = ordeal.live(Kill(kind, number)).how == "killed"
        ordeal.finish()
        return was_killed, ordeal.problems

    outcomes = in_parallel(killed_at, range(1, 16))
    assert [problems for _, problems in outcomes if problems] == []
    assert sum(was_killed for was_killed, _ in outcomes) >= 10


def test_no_attempt_begins_twice_when_every_process_is_killed_in_a_body(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    def harassed(server: ForkServer, name: str) -> tuple[int, list[tuple[str, str]]]:
        ordeal = Ordeal(server, tmp_path / name, payments=[NAME])
        for _ in range(12):  # the stubborn step tries again after each kill
            ordeal.live(Kill("body", 1))
        ordeal.finish()
        return len(interruptions(ordeal.aftermath.executions[NAME])), ordeal.problems

    [(count, problems)] = in_parallel(harassed, ["payments"])
    assert problems == []
    assert count >= 12
