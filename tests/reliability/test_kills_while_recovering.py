"""The process is killed while it starts up: on a new file, and while it recovers from an earlier kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reliability.conftest import InParallel
from reliability.fork_server import ForkServer
from reliability.ordeal import Kill, Ordeal
from reliability.orders import large_order, many_orders

START_UP = range(1, 28)
"""Statements of SQL: the file is created, or the executions are read and go on."""


@pytest.mark.parametrize("first", [None, Kill("before commit", 9), Kill("committed", 9)], ids=str)
def test_a_kill_during_start_up_changes_nothing(
    in_parallel: InParallel[Any, Any], tmp_path: Path, first: Kill | None
) -> None:
    def killed_at(server: ForkServer, number: int) -> tuple[str, list[tuple[str, str]]]:
        ordeal = Ordeal(server, tmp_path / str(number), orders=[large_order()], payments=["p1"])
        if first is not None:
            ordeal.live(first)
        how = ordeal.live(Kill("statement", number)).how
        ordeal.finish()
        return how, ordeal.problems

    outcomes = in_parallel(killed_at, START_UP)
    assert [problems for _, problems in outcomes if problems] == []
    assert {how for how, _ in outcomes} == {"killed"}


def test_an_engine_killed_again_and_again_while_it_recovers_twenty_orders_loses_none(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    def harassed(server: ForkServer, name: str) -> list[tuple[str, str]]:
        ordeal = Ordeal(server, tmp_path / name, orders=many_orders(20))
        ordeal.live(Kill("committed", 25))
        for number in range(3, 43, 2):
            ordeal.live(Kill("statement", number))
        ordeal.finish()
        return ordeal.problems

    assert in_parallel(harassed, ["orders"]) == [[]]
