"""Every moment at which a process could have died: the engine's file as it was after each commit, and what it comes to.

Nothing is simulated: the files are copies of the real one, made by SQLite, and another engine takes them up.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from durable_lambda.engine import Engine, Execution, FileClient, SkippingClock
from durable_lambda.engine.store import Store
from durable_lambda.protocol.errors import CallbackTimeoutException
from durable_lambda.protocol.hosting import DurableFunction


class CopyingStore:
    """Copies the file of an engine after every commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copies: list[Path] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        write = Store.write

        def watched(store: Store, writes: Any) -> None:
            write(store, writes)
            copy = self.folder / f"after-{len(self.copies) + 1}.db"
            with sqlite3.connect(copy) as connection:
                store._connection.backup(connection)
            connection.close()
            self.copies.append(copy)

        Store.write = watched  # type: ignore[method-assign]
        try:
            yield
        finally:
            Store.write = write  # type: ignore[method-assign]


def run_with_copies(
    functions: Sequence[DurableFunction], event: Any, folder: Path, *, answer: Any = None
) -> tuple[Any, list[Path]]:
    """Run the first of the functions to its end: its result, and the file as it was after each commit but the last."""
    store = CopyingStore(folder)
    with store.watching(), _engine(folder / "whole.db", functions) as engine:
        result = finish(engine, engine.start(functions[0], event, execution_name="n1"), answer)
    return result, store.copies[:-1]


def run_on(functions: Sequence[DurableFunction], copy: Path, *, answer: Any = None) -> Any:
    """Take up a file where it stands, as the next process does: what the execution comes to."""
    with _engine(copy, functions) as engine:
        return finish(engine, engine.execution("n1"), answer)


def recorded_in(copy: Path) -> set[str | None]:
    """The sub-types of what has ended in a file."""
    with FileClient(copy) as client:
        operations = client.execution("n1").operations()
    return {operation.sub_type for operation in operations if operation.is_terminal}


def finish(engine: Engine, execution: Execution, answer: Any) -> Any:
    """Wait for the result; whenever it waits for a callback, answer that."""
    changed = threading.Event()
    unwatch = execution.watch(changed.set)
    while True:
        changed.clear()  # before the look, so that no change is missed
        if execution.status != "RUNNING":
            break
        for operation in execution.operations():
            details = operation.callback_details
            if operation.status == "STARTED" and details is not None and details.callback_id is not None:
                with suppress(CallbackTimeoutException):  # it was closed meanwhile
                    engine.send_callback_success(details.callback_id, answer)
        assert changed.wait(20), "nothing happens any more"
    unwatch()
    return execution.result(1)


@contextmanager
def _engine(path: Path, functions: Sequence[DurableFunction]) -> Iterator[Engine]:
    with Engine(path, clock=SkippingClock()) as engine:
        for function in functions:
            engine.register(function)
        yield engine
