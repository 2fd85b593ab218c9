"""`make soak`: the kills and the random workflows, for as long as one likes.

    PYTHONPATH=tests python -m reliability.soak --seconds 1200 --seed 7

Every scenario follows from the seed and its own number, so that one that failed is run again by
`--seed S --only NUMBER`; the folder of a failed one is kept. What a race decides may come out otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from reliability.boundaries import CHECKPOINT
from reliability.fork_server import ForkServer
from reliability.ordeal import Kill, Ordeal
from reliability.orders import large_order, many_orders, small_order

KILLERS, RIDERS = 3, 2
"""Workers: a good part of what they do is waiting for the disk."""
WORKFLOWS_IN_A_ROUND = 20
PROGRESS_SECONDS = 10.0
WRONG = ("lost", "stuck", "repeated")


class Score:
    """What all workers have done so far."""

    def __init__(self) -> None:
        self.figures: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def is_clean(self) -> bool:
        return not any(self.figures[kind] for kind in WRONG)

    def add(self, figures: dict[str, int], problems: list[tuple[str, str]], how_to_repeat: str) -> None:
        with self._lock:
            self.figures.update(figures)
            for kind, what in problems:
                self.figures[kind] += 1
                print(f"{kind}: {what}\n  again: {how_to_repeat}", flush=True)

    def __str__(self) -> str:
        """A line: what was done, as far as something was, and each kind of what may go wrong."""
        done = [f"{number} {what}" for what, number in self.figures.items() if what not in WRONG]
        wrong = ", ".join(f"{kind} {self.figures[kind]}" for kind in WRONG)
        return " · ".join([f"{self.seconds:6.0f} s", *done, wrong])


def scenario(chance: random.Random) -> tuple[dict[str, Any], list[Kill]]:
    """What runs, and when it is killed."""
    kind = chance.choice(["small", "large", "payments", "many", "many"])
    work: dict[str, Any] = {
        "small": lambda: {"orders": [small_order()], "real_time": chance.random() < 0.05},
        "large": lambda: {"orders": [large_order()]},
        "payments": lambda: {"payments": [f"payment-{number}" for number in range(chance.randint(1, 4))]},
        "many": lambda: {
            "orders": many_orders(chance.randint(2, 24)),
            "payments": [f"payment-{number}" for number in range(chance.randint(0, 3))],
        },
    }[kind]()
    writes = 20 if kind != "many" else 60
    kills = [
        chance.choice(
            [
                Kill(chance.choice(CHECKPOINT), chance.randint(1, writes)),
                Kill("statement", chance.randint(1, 5 * writes)),
                Kill("body" if work.get("payments") else "statement", chance.randint(1, 8)),
                Kill(after=chance.uniform(0, 4.5 if work.get("real_time") else 0.25)),
            ]
        )
        for _ in range(chance.randint(1, 6))
    ]
    return work, kills


def kill(server: ForkServer, seed: int, number: int, folder: Path, score: Score) -> None:
    """One scenario of kills."""
    work, kills = scenario(random.Random(f"{seed}/{number}"))
    ordeal = Ordeal(server, folder / f"kills-{number}", **work)
    died = sum(ordeal.live(each).how == "killed" for each in kills)
    ordeal.finish()
    figures = {"kills": died, "executions": len(ordeal.orders) + len(ordeal.payments)}
    score.add(figures, ordeal.problems, f"--seed {seed} --only {number}")
    if not ordeal.problems:
        shutil.rmtree(ordeal.folder)


def ride_a_round(server: ForkServer, seed: int, number: int, folder: Path, score: Score) -> None:
    """One round of random workflows."""
    report = folder / f"round-{number}.json"
    job = {"seed": seed * 1_000_000 + number, "workflows": WORKFLOWS_IN_A_ROUND, "report": str(report)}
    death = server.run(job, patience=300)
    again = f"--seed {seed} --rounds --only {number}"
    if not report.exists():
        score.add({}, [("stuck", f"a round of workflows {death.how} with {death.code}")], again)
        return
    outcome = json.loads(report.read_text())
    score.add(outcome["figures"], outcome["problems"], again)
    report.unlink()


def main() -> int:
    """Soak, print the figures, and tell by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--only", type=int, help="one scenario, by its number")
    parser.add_argument("--rounds", action="store_true", help="with --only: a round of workflows, not a scenario")
    options = parser.parse_args()
    score = Score()
    folder = Path(tempfile.mkdtemp(prefix="durable-soak-"))
    print(f"seed {options.seed}, {options.seconds:g} s, in {folder}", flush=True)
    if options.only is not None:
        program, task = ("reliability.rounds", ride_a_round) if options.rounds else ("reliability.victim", kill)
        with ForkServer(program) as server:
            task(server, options.seed, options.only, folder, score)
    else:
        run_all(options.seed, options.seconds, folder, score)
    print(f"\n{score}\n{'all is well' if score.is_clean else 'NOT WELL'}; seed {options.seed}", flush=True)
    if score.is_clean:
        shutil.rmtree(folder)
    return 0 if score.is_clean else 1


def run_all(seed: int, seconds: float, folder: Path, score: Score) -> None:
    """Scenarios and rounds side by side, until the time is over."""
    numbers = count()
    done = threading.Event()

    def work(program: str, task: Callable[..., None]) -> None:
        with ForkServer(program) as server:
            while score.seconds < seconds and not done.is_set():
                task(server, seed, next(numbers), folder, score)

    workers = [
        *(threading.Thread(target=work, args=("reliability.victim", kill)) for _ in range(KILLERS)),
        *(threading.Thread(target=work, args=("reliability.rounds", ride_a_round)) for _ in range(RIDERS)),
    ]
    for worker in workers:
        worker.start()
    try:
        while alive := [worker for worker in workers if worker.is_alive()]:
            alive[0].join(PROGRESS_SECONDS)
            begin, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
            print(f"{begin}{score}", end=end, flush=True)
    finally:
        done.set()


if __name__ == "__main__":
    sys.exit(main())
