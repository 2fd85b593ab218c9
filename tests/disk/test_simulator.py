"""The simulator itself: a store that does not keep its promise is found out, and the medium follows its rules."""

from __future__ import annotations

import pytest

from disk import vfs
from disk.cuts import Figures, cut, record
from disk.ledger import Ledger, WatchedStore
from disk.medium import Created, Deleted, Luck, Medium, Scattered, Synced, Torn, Worst, Written
from durable_lambda.engine.store import Writes

needs_sqlite = pytest.mark.skipif(not vfs.is_available(), reason="this Python hides the symbols of its SQLite")


class Careless(WatchedStore):
    """A store that works with less than `synchronous = FULL`."""

    level = "OFF"

    def __init__(self, path: str, ledger: Ledger) -> None:
        super().__init__(path, ledger)
        self._connection.execute(f"PRAGMA synchronous = {self.level}")


class Relaxed(Careless):
    """What many recommend for a WAL: it is synced when it is moved into the database."""

    level = "NORMAL"


class Hasty(WatchedStore):
    """A store that acknowledges what it stores with the next batch."""

    kept: Writes | None = None

    def store(self, writes: Writes) -> None:
        if self.kept is not None:
            super().store(self.kept)
        self.kept = writes

    def find(self, execution_id: str):
        self._catch_up()
        return super().find(execution_id)

    def close(self) -> None:
        self._catch_up()
        super().close()

    def _catch_up(self) -> None:
        if self.kept is not None:
            kept, self.kept = self.kept, None
            super().store(kept)


class InTwo(WatchedStore):
    """A store that needs two transactions for one batch."""

    def store(self, writes: Writes) -> None:
        super().store(Writes(executions=writes.executions, entries=writes.entries[:1]))
        super().store(Writes(entries=writes.entries[1:], ends=writes.ends, responses=writes.responses))


@needs_sqlite
@pytest.mark.parametrize(
    ("store_type", "kind"), [(Careless, "lost"), (Relaxed, "lost"), (Hasty, "lost"), (InTwo, "half")]
)
def test_a_store_that_does_not_keep_its_promise_is_found_out(store_type, kind):
    recording = record(store_type=store_type)
    figures = Figures()
    cut(recording, figures, range(0, len(recording.log), 3), scattered=0, recover_every=10**9)
    assert figures.count(kind) > 5


@needs_sqlite
def test_without_syncs_a_file_may_be_damaged():
    recording = record(store_type=Careless)
    figures = Figures()
    cut(recording, figures, range(0, len(recording.log), 5), scattered=6, recover_every=10**9)
    assert figures.count("damaged")


def medium(*events) -> Medium:
    made = Medium({"a": b"0" * 1024})
    for event in events:
        made.apply(event)
    return made


def test_what_was_synced_survives_the_worst_and_what_was_not_may_not():
    cut = medium(Written("a", 0, b"1"), Synced("a", False), Written("a", 1, b"2"))
    assert cut.lose_power(Worst())["a"][:3] == b"100"
    assert cut.lose_power(Luck())["a"][:3] == b"120"


def test_a_later_write_may_survive_an_earlier_one_that_does_not():
    cut = medium(Written("a", 0, b"1" * 512), Written("a", 512, b"2" * 512))
    found = {(image["a"][:1], image["a"][512:513]) for n in range(200) if (image := cut.lose_power(Scattered(str(n))))}
    assert (b"0", b"2") in found
    assert (b"1", b"0") in found


def test_a_write_may_arrive_in_part():
    cut = medium(Written("a", 0, b"1" * 1000))
    parts = {cut.lose_power(Torn(str(number)))["a"].count(b"1") for number in range(20)}
    assert len(parts) > 10


def test_after_a_sync_that_failed_a_later_one_means_nothing_for_what_was_written_before():
    cut = medium(Written("a", 0, b"1"), Synced("a", False, failed=True), Written("a", 1, b"2"), Synced("a", False))
    assert cut.lose_power(Worst())["a"][:3] == b"020"


def test_a_file_that_was_created_is_there_after_its_directory_was_synced():
    events = Created("b"), Written("b", 0, b"x"), Synced("b", False)
    assert "b" not in medium(*events).lose_power(Worst())
    assert medium(*events, Synced("a", True)).lose_power(Worst())["b"] == b"x"


def test_a_file_that_was_deleted_may_be_back():
    assert "a" in medium(Deleted("a", False)).lose_power(Worst())
    assert "a" not in medium(Deleted("a", True)).lose_power(Worst())
