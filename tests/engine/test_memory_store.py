"""The store in memory is the real one but for the disk: both are asked the same, and answer the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from durable_lambda.engine.machine.log import encode_entry
from durable_lambda.engine.machine.queued import QueuedEvent
from durable_lambda.engine.machine.records import ExecutionStarted, ExecutionSucceeded
from durable_lambda.engine.memory import MemoryStore
from durable_lambda.engine.store import ExecutionRow, ExecutionStore, Store, Writes

DAY = 86_400_000


def row(key: int, function: str = "orders", name: str | None = None) -> ExecutionRow:
    return ExecutionRow(key, f"id-{key}", function, name or f"name-{key}", "RUNNING", key * 10, None, b"digest", DAY)


def started(key: int) -> ExecutionStarted:
    return ExecutionStarted(key * 10, f"id-{key}", f"name-{key}", "orders", "1", 60)


def write(store: ExecutionStore, *keys: int, function: str = "orders") -> None:
    store.write(
        Writes(
            executions=[row(key, function) for key in keys],
            entries=[(key, encode_entry([started(key)])) for key in keys],
        )
    )


def end(store: ExecutionStore, key: int, at: int = 500) -> None:
    ended = ExecutionSucceeded(at, "2")
    store.write(Writes(entries=[(key, encode_entry([ended]))], ends=[("SUCCEEDED", at, key)]))


@pytest.fixture(params=[MemoryStore, lambda: Store(":memory:")], ids=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> Iterator[ExecutionStore]:
    make: Callable[[], ExecutionStore] = request.param
    made = make()
    yield made
    if isinstance(made, Store):
        made.close()


def test_an_empty_store_has_nothing(store: ExecutionStore) -> None:
    assert (store.find("id-1"), store.find_by_name("orders", "name-1"), store.named("name-1")) == (None, None, [])
    assert (list(store.list()), store.running(), store.last_key(), store.log(1), store.end(1)) == ([], [], 0, [], None)
    assert store.requests() == []
    assert store.data_version() == store.data_version()


def test_executions_are_found_and_listed_with_the_newest_first(store: ExecutionStore) -> None:
    write(store, 1, 2)
    write(store, 3, function="payments")

    assert store.find("id-2") == row(2)
    assert store.find_by_name("payments", "name-3") == row(3, "payments")
    assert store.find_by_name("orders", "name-3") is None
    assert store.named("name-3") == [row(3, "payments")]
    assert [each.key for each in store.list()] == [3, 2, 1]
    assert [each.key for each in store.list(function="orders", limit=1)] == [2]
    assert store.last_key() == 3


def test_an_end_is_seen_in_the_row_and_in_the_log(store: ExecutionStore) -> None:
    write(store, 1, 2)
    assert store.end(1) is None
    end(store, 1)

    assert store.log(1) == [started(1), ExecutionSucceeded(500, "2")]
    assert store.end(1) == ExecutionSucceeded(500, "2")
    found = store.find("id-1")
    assert found is not None
    assert (found.status, found.ended_at) == ("SUCCEEDED", 500)
    assert [each.key for each in store.running()] == [2]
    assert [each.key for each in store.list(status="SUCCEEDED")] == [1]


def test_what_was_kept_long_enough_is_forgotten(store: ExecutionStore) -> None:
    write(store, 1, 2)
    end(store, 1)
    store.expire(500 + DAY)
    assert store.find("id-1") is not None
    store.expire(501 + DAY)

    assert (store.find("id-1"), store.log(1)) == (None, [])
    assert store.find("id-2") == row(2)


def test_a_copy_has_what_was_stored_and_lives_on_its_own() -> None:
    first = MemoryStore()
    write(first, 1)
    second = first.copy()
    end(first, 1)
    write(second, 2)

    assert second.end(1) is None
    assert first.find("id-2") is None


def test_events_are_kept_until_they_are_forgotten(store: ExecutionStore) -> None:
    first, second = (QueuedEvent(f"e{number}", "prices", "{}", None, number, number) for number in (1, 2))
    store.write(Writes(events=[first, second]))
    assert store.queued_events() == [("e1", "prices", 1, 1), ("e2", "prices", 2, 2)]

    later = QueuedEvent("e1", "prices", "{}", None, 1, 60_001, failures=1)
    store.write(Writes(events=[later], forgotten_events=[("e2",), ("never there",)]))
    assert store.queued_events() == [("e1", "prices", 1, 60_001)]
    assert store.queued_event("e1") == later
    assert store.queued_event("e2") is None
