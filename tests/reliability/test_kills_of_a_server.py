"""`durable serve` with clients at it, killed again and again: the server, and its workers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reliability.ordeal import Kill, Ordeal
from reliability.orders import many_orders
from reliability.served_victim import ServedVictim

SEED = 20_260_102
LEAST_KILLS = 3
PAYMENTS = [f"payment-{number}" for number in range(3)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", [0, 3])
def test_a_server_killed_under_load_loses_and_repeats_nothing(tmp_path: Path, workers: int) -> None:
    chance = random.Random(SEED)
    deaths: list[str] = []
    was_under_way = False
    with ServedVictim(workers=workers, clients=11) as server:
        ordeal = Ordeal(server, tmp_path / "ordeal", orders=many_orders(7), payments=PAYMENTS)
        while len(deaths) < LEAST_KILLS or not was_under_way:
            seconds = chance.uniform(0.7, 1.1) * max(1, len(deaths) / LEAST_KILLS)  # a busy machine begins late
            kill = Kill(after=seconds, of_worker=workers > 0 and len(deaths) % 2 == 0)
            deaths.append(ordeal.live(kill).how)
            was_under_way |= any(each.status == "RUNNING" for each in ordeal.aftermath.executions.values())
        ordeal.finish()
    assert ordeal.problems == [], (tmp_path / "ordeal" / "problems").read_text()
    assert set(deaths) == {"killed"}
