"""The example order in a process of its own that is killed: at every boundary of its checkpoints, and anywhere."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reliability.boundaries import CHECKPOINT, Boundary
from reliability.conftest import InParallel
from reliability.fork_server import ForkServer
from reliability.ordeal import Kill, Ordeal
from reliability.orders import effects_of, large_order, many_orders, small_order

RANDOM_MOMENTS = 100
SEED = 20_260_101

either_order = pytest.mark.parametrize("order", [small_order, large_order])


def boundaries_of(ordeal: Ordeal) -> dict[str, int]:
    """How many boundaries of each kind a process passed that ran to its end."""
    return json.loads((ordeal.folder / "counts").read_text())


def killed_then_finished(ordeal: Ordeal, *kills: Kill) -> tuple[list[str], list[tuple[str, str]]]:
    """How each process ended that was to be killed, and what was wrong in the end."""
    deaths = [ordeal.live(kill).how for kill in kills]
    ordeal.finish()
    return deaths, ordeal.problems


@either_order
@pytest.mark.parametrize("kind", CHECKPOINT)
def test_an_order_killed_at_any_boundary_ends_with_its_receipt_and_repeats_nothing(
    in_parallel: InParallel[Any, Any], tmp_path: Path, order: Callable[[], dict[str, Any]], kind: Boundary
) -> None:
    orders = [order()]

    def unharmed(server: ForkServer, name: str) -> int:
        ordeal = Ordeal(server, tmp_path / name, orders=orders)
        assert killed_then_finished(ordeal) == ([], [])
        return boundaries_of(ordeal)[kind]

    def killed_at(server: ForkServer, number: int) -> tuple[list[str], list[tuple[str, str]]]:
        return killed_then_finished(Ordeal(server, tmp_path / str(number), orders=orders), Kill(kind, number))

    [count] = in_parallel(unharmed, ["unharmed"])
    outcomes = in_parallel(killed_at, range(1, count + 1))
    assert [problems for _, problems in outcomes if problems] == []
    # Reservations that are done at the same time may be stored together: then there is a boundary less.
    assert sum(deaths == ["killed"] for deaths, _ in outcomes) >= count - len(orders[0]["lines"])


@either_order
def test_an_order_killed_at_random_moments_ends_with_its_receipt_and_repeats_nothing(
    in_parallel: InParallel[Any, Any], tmp_path: Path, order: Callable[[], dict[str, Any]]
) -> None:
    def unharmed(server: ForkServer, name: str) -> float:
        return Ordeal(server, tmp_path / name, orders=[order()]).finish().seconds

    duration = max(in_parallel(unharmed, ["first", "second"]))
    chance = random.Random(SEED)
    moments = [Kill(after=chance.uniform(0, duration)) for _ in range(RANDOM_MOMENTS)]

    def killed_at(server: ForkServer, number: int) -> list[tuple[str, str]]:
        ordeal = Ordeal(server, tmp_path / str(number), orders=[order()])
        return killed_then_finished(ordeal, moments[number])[1]

    assert [problems for problems in in_parallel(killed_at, range(RANDOM_MOMENTS)) if problems] == []


def test_an_order_killed_over_and_over_gets_there_all_the_same(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    """Each process is killed as soon as its third checkpoint is stored, until one gets to the end."""

    def harassed(server: ForkServer, name: str) -> tuple[int, list[tuple[str, str]]]:
        ordeal = Ordeal(server, tmp_path / name, orders=[large_order()])
        while ordeal.live(Kill("committed", 3)).how == "killed":
            pass
        ordeal.finish()
        return len(ordeal.kills), ordeal.problems

    [(lives, problems)] = in_parallel(harassed, ["order"])
    assert problems == []
    assert lives > 4


def test_twenty_orders_at_once_survive_kills_at_random_boundaries(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    plans = [
        [Kill(chance.choice(CHECKPOINT), chance.randint(1, 40)) for _ in range(chance.randint(1, 3))] for _ in range(12)
    ]

    def killed(server: ForkServer, number: int) -> list[tuple[str, str]]:
        ordeal = Ordeal(server, tmp_path / str(number), orders=many_orders(20), payments=["p1", "p2"])
        return killed_then_finished(ordeal, *plans[number])[1]

    assert [problems for problems in in_parallel(killed, range(len(plans))) if problems] == []


def test_an_effect_without_a_stored_outcome_may_happen_once_more_for_each_kill(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    """At least once: the body has run, and the process dies before its outcome is stored."""

    def killed(server: ForkServer, number: int) -> list[str]:
        ordeal = Ordeal(server, tmp_path / str(number), orders=[small_order()])
        assert killed_then_finished(ordeal, Kill("before commit", number)) == (["killed"], [])
        return (ordeal.folder / "effects").read_text().splitlines()

    runs = in_parallel(killed, range(1, 8))
    once = sorted(effects_of(small_order()).values())
    assert all(sorted(set(effects)) == once for effects in runs)
    assert any(len(effects) > len(once) for effects in runs), "no kill came between an effect and its checkpoint"
    assert all(effects.count(line) <= 2 for effects in runs for line in effects)
