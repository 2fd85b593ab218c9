"""Power is lost after every write and every sync of a run; what was acknowledged is there, and all of it goes on."""

from __future__ import annotations

import pytest

from disk import vfs
from disk.cuts import Figures, Recording, cut, images, record
from disk.medium import Deleted, Synced, Written
from disk.workload import STANDARD

pytestmark = pytest.mark.skipif(not vfs.is_available(), reason="this Python hides the symbols of its SQLite")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record()


def test_the_run_has_everything_that_a_disk_can_be_asked_for(recording):
    assert len(recording.ends) == len(STANDARD)
    assert {status for status, _ in recording.ends.values()} == {"SUCCEEDED", "FAILED", "STOPPED"}
    names = {event.name for event in recording.log}
    assert names == {"orders.db", "orders.db-journal", "orders.db-wal"}
    headers = [event for event in recording.log if event.name.endswith("-wal") and getattr(event, "offset", None) == 0]
    assert len(headers) > 1, "the WAL began anew, after a checkpoint"
    synced = [event for event in recording.log if isinstance(event, Synced) and event.name == "orders.db"]
    assert len(synced) > 3, "SQLite moved the WAL into the database, also while the engine ran"
    assert isinstance(recording.log[-1], Deleted), "the last one to leave removes the WAL"
    largest = max(len(batch.writes.entries) for batch in recording.ledger.batches)
    assert largest > 2, "several executions are stored with one sync"


@pytest.mark.timeout(240)  # of a machine that is busy
def test_a_cut_at_any_write_or_sync_loses_nothing_and_leaves_nothing_half_done(recording):
    figures = Figures()
    cut(recording, figures, recover_every=5)
    assert figures.cuts > 2 * len(recording.log)
    assert figures.broken == []


def test_a_cut_while_an_engine_recovers_from_a_cut_loses_nothing_either(recording):
    figures = Figures()
    half = len(recording.log) // 2
    for _, luck, image in images(recording, [half], seed="again"):
        again = record(image=image, life=1, orders=STANDARD)
        assert again.ends == recording.ends, luck.name
        cut(again, figures, range(0, len(again.log) + 1, 4), ends=recording.ends, recover_every=8)
    assert figures.cuts > 100
    assert figures.broken == []


def test_a_run_is_the_same_each_time(recording):
    again = record()
    assert [type(event) for event in again.log] == [type(event) for event in recording.log]
    written = [event.offset for event in recording.log if isinstance(event, Written)]
    assert [event.offset for event in again.log if isinstance(event, Written)] == written
