"""Finding one execution costs the same among many as among few: counted in instructions of SQLite's machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from durable_lambda.engine.store import ExecutionRow, Store, Writes

FUNCTIONS = ("billing", "orders", "shipping")


def row(key: int) -> ExecutionRow:
    function = FUNCTIONS[key % len(FUNCTIONS)]
    return ExecutionRow(key, f"id-{key}", function, f"name-{key}", "RUNNING", key, None, b"", 0)


def cost(store: Store, find: Callable[[Store], object]) -> int:
    instructions = 0

    def count() -> int:
        nonlocal instructions
        instructions += 1
        return 0

    store._connection.set_progress_handler(count, 1)
    find(store)
    store._connection.set_progress_handler(None, 0)
    return instructions


@pytest.mark.parametrize(
    "find",
    [
        lambda store: store.named("name-7"),
        lambda store: store.find("id-7"),
        lambda store: store.find_by_name("orders", "name-7"),
        lambda store: store.list(function="orders", limit=2),
    ],
    ids=["by a name alone", "by id", "by function and name", "the newest of a function"],
)
def test_it_does_not_take_longer_where_there_are_more(find: Callable[[Store], object]) -> None:
    store = Store(":memory:")
    store.write(Writes(executions=[row(key) for key in range(1, 11)]))
    among_few = cost(store, find)
    store.write(Writes(executions=[row(key) for key in range(11, 2_011)]))
    assert cost(store, find) < 2 * among_few
    store.close()


def test_a_name_finds_the_executions_of_all_functions_that_have_it() -> None:
    store = Store(":memory:")
    twins = [ExecutionRow(key, f"id-{key}", FUNCTIONS[key % 2], "twin", "RUNNING", 0, None, b"", 0) for key in (1, 2)]
    assert store.named("twin") == []
    store.write(Writes(executions=[*twins, row(3)]))
    assert sorted(found.key for found in store.named("twin")) == [1, 2]
    assert store.named("none") == []
    store.close()
