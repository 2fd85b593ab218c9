"""Writes and syncs fail: nothing is acknowledged that is not stored, and the engine goes on or says why it does not."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

import pytest

from disk import vfs
from disk.cuts import Figures, Recording, fail, failures_at, record
from disk.disk import Fault, SimulatedDisk
from disk.verdict import laid_out
from disk.vfs import watched
from disk.workload import NAME
from durable_lambda.engine.store import Store, StoreError, Writes

pytestmark = pytest.mark.skipif(not vfs.is_available(), reason="this Python hides the symbols of its SQLite")

T = TypeVar("T")

OFTEN = 13
"""The sample takes one operation in so many; the soak takes them all."""


@pytest.fixture(scope="module")
def reference() -> Recording:
    return record()


@pytest.fixture(autouse=True)
def quiet(caplog):
    """The engine logs each failure; thousands of them are of no use."""
    caplog.set_level(logging.CRITICAL + 1, "durable_lambda.engine")


@pytest.mark.timeout(240)  # of a machine that is busy
def test_an_operation_that_fails_changes_no_result_and_loses_nothing(reference):
    figures = Figures()
    for number in range(0, reference.operations, OFTEN):
        for fault in failures_at(number):
            fail(reference, figures, fault)
    assert figures.faults > 400
    assert figures.broken == []


def again_if_it_fails(action: Callable[[], T]) -> T:
    try:
        return action()
    except StoreError:
        return action()


def test_a_disk_that_fails_while_the_store_is_opened_is_refused_or_works_in_wal_mode():
    for number in range(30):
        with laid_out({}) as directory:
            disk = SimulatedDisk(directory, fault=Fault(number))
            with watched(disk):
                store = again_if_it_fails(lambda path=directory / NAME: Store(str(path)))
                again_if_it_fails(lambda store=store: store.write(Writes(entries=[(1, b"x")])))
                assert store._rows("PRAGMA journal_mode") == [("wal",)], number
                store.close()


def test_a_disk_that_stays_bad_is_told_to_everybody_who_asks():
    with laid_out({}) as directory:
        disk = SimulatedDisk(directory, fault=Fault(100, "ENOSPC", lasts=1_000_000))
        stored: list[bytes] = []
        with watched(disk):
            store = Store(str(directory / NAME))
            for number in range(60):
                with contextlib.suppress(StoreError):
                    store.write(Writes(entries=[(1, bytes([number]))]))
                    stored.append(bytes([number]))
            with pytest.raises(StoreError, match=r"nothing was stored: (database or disk is full|disk I/O error)"):
                store.write(Writes(entries=[(1, b"one more")]))
            entries = [entry for (entry,) in store._rows("SELECT entry FROM log ORDER BY seq")]
            store.close()
    assert 0 < len(stored) < 60
    assert entries == stored
