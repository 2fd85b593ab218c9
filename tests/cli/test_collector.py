"""How often the garbage collector runs where a process is the engine's own: tried in one that does nothing else."""

from __future__ import annotations

import subprocess
import sys

COLLECTIONS = """
import gc
from durable_lambda.cli.collector import YOUNG, collect_seldom
collect_seldom()
seen = []
gc.callbacks.append(lambda phase, told: seen.append(told) if phase == "start" else None)
{work}
print(len(seen))
"""


def collections_during(work: str) -> int:
    command = [sys.executable, "-c", COLLECTIONS.format(work=work)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def test_a_few_hundred_executions_under_way_are_not_looked_at() -> None:
    assert collections_during("kept = [[] for _ in range(YOUNG // 2)]") == 0


def test_what_is_left_in_cycles_is_collected_all_the_same() -> None:
    assert collections_during("for _ in range(3 * YOUNG): cycle = []; cycle.append(cycle)") >= 2


def test_what_the_program_was_loaded_with_is_not_looked_at() -> None:
    assert collections_during("seen += [None] if gc.get_freeze_count() > 1_000 else []") == 1
