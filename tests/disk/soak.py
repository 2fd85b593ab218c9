"""The simulated disk for as long as one likes: every cut several ways, every fault, workloads by chance, cuts in cuts.

    PYTHONPATH=tests python -m disk.soak --seconds 600 --seed 7

The second half of `make soak`. Prints its figures, and each broken promise with the seed that shows it again; ends
with status 1 if there was one.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time

from disk.cuts import Figures, Recording, cut, fail, failures_at, images, record
from disk.workload import STANDARD, Order, any_orders

PROGRESS_SECONDS = 10.0


class Clock:
    """When to end, and when to say how far it is."""

    def __init__(self, seconds: float) -> None:
        self._began = self._told = time.monotonic()
        self._ends_at = self._began + seconds

    def is_over(self, figures: Figures) -> bool:
        """Whether the time is over. Prints a line now and then."""
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            print(f"{now - self._began:5.0f} s  {summary(figures)}", flush=True)
        return now >= self._ends_at


def soak(seconds: float, seed: int) -> Figures:
    """Try until the time is over; at least one round. A round takes a minute or two, and ends early."""
    figures, clock = Figures(), Clock(seconds)
    number = 0
    while number == 0 or not clock.is_over(figures):
        _round(figures, f"{seed}.{number}", STANDARD if number == 0 else any_orders(seed + number), clock)
        number += 1
    return figures


def _round(figures: Figures, seed: str, orders: tuple[Order, ...], clock: Clock) -> None:
    reference = record(orders, seed=seed)
    figures.runs += 1
    chance = random.Random(seed)
    places = list(range(len(reference.log) + 1))
    for start in range(0, len(places), 20):
        cut(reference, figures, places[start : start + 20], seed=seed, scattered=4, recover_every=2)
        if clock.is_over(figures):
            return
    numbers = list(range(reference.operations))
    chance.shuffle(numbers)
    for number in numbers:
        for fault in failures_at(number):
            fail(reference, figures, fault, seed=seed, scattered=2)
        if number % 10 == 0:
            _cut_again(figures, reference, chance.choice(places), f"{seed}/{number}")
        if clock.is_over(figures):
            return


def _cut_again(figures: Figures, reference: Recording, place: int, seed: str) -> None:
    """Cut, go on, and cut that too."""
    for life, (_, _, image) in enumerate(images(reference, [place], seed=seed), 1):
        again = record(reference.orders, image=image, life=life, seed=seed)
        figures.runs += 1
        everywhere = range(len(again.log) + 1)
        places = sorted(random.Random(seed).sample(everywhere, min(8, len(everywhere))))
        cut(again, figures, places, ends=reference.ends, seed=seed, recover_every=2)


def summary(figures: Figures) -> str:
    """The figures in a line."""
    return (
        f"{figures.runs:,} runs, {figures.cuts:,} cuts, {figures.recoveries:,} recoveries, "
        f"{figures.faults:,} faults injected: lost {figures.count('lost')}, half done {figures.count('half')}, "
        f"damaged {figures.count('damaged')}, stuck {figures.count('stuck')}, repeated {figures.count('repeated')}, "
        f"other ends {figures.count('diverged')}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Lose power at every write and sync, and fail them, for a while.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    logging.getLogger("durable_lambda.engine").setLevel(logging.CRITICAL + 1)
    print(f"seed {options.seed}")
    figures = soak(options.seconds, options.seed)
    print(summary(figures))
    for place, broken in figures.broken[:20]:
        print(f"  {place}: {broken}")
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
