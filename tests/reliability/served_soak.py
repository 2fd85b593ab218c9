"""A server under load: killed at random so many times, and then left alone for a while, to see what it comes to hold.

    PYTHONPATH=tests python -m reliability.served_soak --kills 200 --seconds 1200 --seed 7

The second part of `make soak`. First the server and its workers are killed, round after round, until the server has
died so often. Then one server stays: its clients delete what has ended, only workers die, and its memory and its file
are measured.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from reliability.clients import REST_SECONDS, Pursuit, connect
from reliability.ordeal import Kill, Ordeal
from reliability.orders import FUNCTION, large_order, many_orders, receipt_of, small_order
from reliability.served_victim import ServedVictim, resident_bytes, size_of
from reliability.soak import Score

CLIENTS = 50
WORKERS = 3
STEADY_CLIENTS = 16
ORDERS, PAYMENTS, KILLS = 100, 30, 12
WORKER_LIVES_SECONDS = 7.0
SAMPLES = 20
LEAST_STEADY_SECONDS = 60.0
"""SQLite's log takes some of them to come to its size."""
MOST_GROWTH = 0.05
"""From the middle third of the time to the last third, of the most that was held."""
MIB = 1024 * 1024


def kill(chance: random.Random, number: int, folder: Path, score: Score) -> None:
    """One file and its executions, through so many deaths, to their end."""
    workers = chance.choice([0, WORKERS])
    kills = [
        Kill(after=chance.uniform(0.2, 2.5), of_worker=workers > 0 and chance.random() < 0.5) for _ in range(KILLS)
    ]
    names = [f"payment-{each}" for each in range(PAYMENTS)]
    with ServedVictim(workers=workers, clients=CLIENTS) as server:
        ordeal = Ordeal(server, folder / f"kills-{number}", orders=many_orders(ORDERS), payments=names)
        died = Counter(each.of_worker for each in kills if ordeal.live(each).how == "killed")
        ordeal.finish()
    told = (ordeal.folder / "problems").read_text().splitlines()
    problems = [*ordeal.problems, *(("lost", line) for line in told)]
    figures = {"kills": died[False], "kills of workers": died[True], "executions": ORDERS + PAYMENTS}
    score.add(figures, problems, str(ordeal.folder))
    if not problems:
        shutil.rmtree(ordeal.folder)


class Steady:
    """One server for a while, and what it holds as time goes by."""

    def __init__(self, folder: Path, score: Score) -> None:
        self._folder = folder / "steady"
        self._folder.mkdir()
        self._score = score
        self._numbers = count()
        self._is_over = threading.Event()
        self.samples: list[tuple[float, int, int]] = []
        """Seconds, bytes of memory, bytes of the file."""

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        with ServedVictim(workers=WORKERS, clients=0) as server:
            server.start(self._folder)
            server.wait_until_it_answers()
            clients = [threading.Thread(target=self._order, args=(server.url,)) for _ in range(STEADY_CLIENTS)]
            for client in clients:
                client.start()
            killed_at = began
            while (now := time.monotonic()) - began < seconds:
                time.sleep(seconds / SAMPLES / 3)
                assert server.process is not None
                file = size_of(self._folder / "orders.db")
                self.samples.append((now - began, resident_bytes(server.process.pid), file))
                if now - killed_at > WORKER_LIVES_SECONDS:
                    server.kill_worker()
                    killed_at = now
                    self._score.add({"kills of workers": 1}, [], "")
            self._is_over.set()
            for client in clients:
                client.join()
            server.end()

    def growth(self, column: int) -> float:
        """How much more was held at most in the last third than in the middle one, as a part of the latter."""
        held = [sample[column] for sample in self.samples]
        third = len(held) // 3
        return max(held[-third:]) / max(held[third:-third]) - 1

    def __str__(self) -> str:
        rows = [
            f"{seconds:6.0f} s  memory {memory / MIB:6.1f} MiB  file {file / MIB:6.2f} MiB"
            for seconds, memory, file in self.samples[:: max(1, len(self.samples) // SAMPLES)]
        ]
        return "\n".join([*rows, f"the last third beside the middle: {self.growth(1):+.1%} and {self.growth(2):+.1%}"])

    def _order(self, url: str) -> None:
        """Order after order, each deleted when it has its receipt."""
        client = connect(url)
        while not self._is_over.is_set():
            number = next(self._numbers)
            order = {**(large_order() if number % 4 == 3 else small_order()), "order_id": f"order-{number}"}
            try:
                problems = self._follow(order, client)
            except Exception as error:
                problems = [("lost", f"{order['order_id']}: {error!r}")]
                time.sleep(REST_SECONDS)
            self._score.add({"executions": 1}, problems, str(self._folder))
        client.close()

    def _follow(self, order: dict[str, Any], client: Any) -> list[tuple[str, str]]:
        pursuit = Pursuit(FUNCTION, order, order["order_id"])
        ends_at = time.monotonic() + 60
        while not pursuit.has_ended and time.monotonic() < ends_at:
            pursuit.advance(client)
            time.sleep(REST_SECONDS)
        if not pursuit.has_ended:
            return [("stuck", f"{pursuit.name} has not ended")]
        if pursuit.result != receipt_of(order):
            return [("lost", f"{pursuit.name} ended as {pursuit.status} with {pursuit.result}")]
        pursuit.forget(client)
        return []


def main() -> int:
    """Soak, print the figures, and tell by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how often the server is to die (default 200)")
    parser.add_argument("--seconds", type=float, default=1200, help="how long it is then left alone (default 1200)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    score, folder = Score(), Path(tempfile.mkdtemp(prefix="durable-served-soak-"))
    chance = random.Random(options.seed)
    print(f"seed {options.seed}, {options.kills} kills and {options.seconds:g} s, in {folder}", flush=True)
    numbers = count()
    while score.figures["kills"] < options.kills:
        kill(chance, next(numbers), folder, score)
        print(score, flush=True)
    steady = Steady(folder, score)
    steady.run(max(LEAST_STEADY_SECONDS, options.seconds))
    levels_off = max(steady.growth(1), steady.growth(2)) <= MOST_GROWTH
    print(f"\n{steady}\n\n{score}")
    is_well = score.is_clean and levels_off
    print(f"{'all is well' if is_well else 'NOT WELL'}; seed {options.seed}", flush=True)
    if is_well:
        shutil.rmtree(folder)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
