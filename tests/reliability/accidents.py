"""Runs of a workflow on an engine that meets with accidents, all in this process and in no time.

A crash: at a write that is named, the database is copied as it is on the disk, before the write or after it. From then
on the engine is a ghost, whose store takes nothing; it is closed, what it does counts for nothing, and the next engine
starts on the copy. A fault: one write is refused, and the same engine goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

from durable_lambda import Handler
from durable_lambda.engine import Engine, Execution, SkippingClock, StoreError
from durable_lambda.engine.machine.log import decode_entries
from durable_lambda.engine.machine.step import StepFailed, StepSucceeded
from durable_lambda.engine.store import Store, Writes
from durable_lambda.protocol.errors import CallbackTimeoutException
from reliability.aftermath import Remains, copy_database, look
from reliability.workflows import CALLBACK_TIMEOUT, FUNCTION, Attempt, Journal, Node

NAME = "run"
PATIENCE = 20.0
"""Seconds without any news after which a run counts as stuck."""


@dataclass(frozen=True)
class Crash:
    """At which write of an engine's life, whether after it was stored, and how many seconds until the next life."""

    write: int
    is_stored: bool
    seconds_dead: int


@dataclass(frozen=True)
class Accidents:
    crashes: tuple[Crash, ...] = ()
    faults: frozenset[int] = frozenset()
    """Numbers of the writes that are refused, counted over all lives."""


class StuckError(AssertionError):
    """Nothing happens any more."""


@dataclass
class Life:
    """One engine's, from its start to its crash or to the end of the workflow."""

    ended: set[Attempt]
    """Attempts of which any life has stored the outcome."""

    crash: Crash | None
    grave: Path
    """Where the database is copied to when it crashes."""
    clock: SkippingClock
    once: list[Attempt] = field(default_factory=list)
    """At-most-once attempts whose bodies began."""
    repeated: list[Attempt] = field(default_factory=list)
    """Attempts whose bodies began although they had ended."""
    news: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False
    died_at: int = 0

    def begins(self, attempt: Attempt, is_at_most_once: bool) -> None:
        if self.is_over:
            return
        if is_at_most_once:
            self.once.append(attempt)
        if attempt in self.ended:
            self.repeated.append(attempt)

    def stored(self, entries: Sequence[tuple[int, bytes]]) -> None:
        """Take note of what is on the disk now."""
        for record in decode_entries(entry for _, entry in entries):
            if isinstance(record, StepSucceeded | StepFailed):
                self.ended.add(Attempt(record.id, record.attempt))


MakeHandler: TypeAlias = Callable[[Sequence[Node], Journal], Handler[Any, Any]]


class Ride:
    """A workflow carried to its end, through all accidents that are planned for it."""

    def __init__(
        self, nodes: Sequence[Node], accidents: Accidents, folder: Path, handlers: Sequence[MakeHandler]
    ) -> None:
        self.lives: list[Life] = []
        self.remains: list[Remains | None] = []
        """What each life left: `None` while there was no execution yet. The last one is how it ended."""
        self.faults = 0
        """How many writes were refused."""
        self._nodes = nodes
        self._handlers = handlers
        """Who carries it out: the lives take them in turn."""
        self._accidents = accidents
        self._folder = folder
        self._writes = 0
        self._ended: set[Attempt] = set()
        self._now = 1_735_689_600_000

    @property
    def crashes(self) -> int:
        """How many lives ended in a crash."""
        return sum(life.is_over for life in self.lives)

    @property
    def end(self) -> Remains:
        remains = self.remains[-1]
        assert remains is not None
        return remains

    def run(self) -> Ride:
        path = self._folder / "0.db"
        for number, crash in enumerate([*self._accidents.crashes, None]):
            life = Life(self._ended, crash, self._folder / f"{number + 1}.db", SkippingClock(self._now))
            self.lives.append(life)
            self._live(path, life)
            path = life.grave if life.is_over else path
            self.remains.append(look(path).executions.get(NAME))
            if not life.is_over:
                break
            assert crash is not None
            self._now = life.died_at + crash.seconds_dead * 1000
        return self

    def _live(self, path: Path, life: Life) -> None:
        with (
            mock.patch("durable_lambda.engine.thread.Store", lambda path: _AccidentStore(path, self, life)),
            mock.patch("durable_lambda.engine.host.REST_AFTER_FAILURE_SECONDS", 0.0),
            Engine(path, clock=life.clock) as engine,
        ):
            make = self._handlers[(len(self.lives) - 1) % len(self._handlers)]
            engine.register(make(self._nodes, life.begins))
            execution = self._start(engine, life)
            if execution is not None:
                self._attend(engine, execution, life)

    def _start(self, engine: Engine, life: Life) -> Execution | None:
        while not life.is_over:
            try:
                return engine.start(FUNCTION, None, execution_name=NAME)
            except StoreError:
                continue  # refused, or the end
        return None

    def _attend(self, engine: Engine, execution: Execution, life: Life) -> None:
        """Answer callbacks until the execution has ended, or the engine is dead."""
        execution.watch(life.news.set)
        while not life.is_over:
            if not life.news.wait(PATIENCE):
                raise StuckError(f"no news: {[(each.name, each.status) for each in execution.operations()]}")
            life.news.clear()
            try:
                if execution.status != "RUNNING":
                    return
                self._answer_all(engine, execution, life)
            except StoreError:
                life.news.set()  # what was asked for fell together with a write that was refused: once more

    def _answer_all(self, engine: Engine, execution: Execution, life: Life) -> None:
        for operation in execution.operations():
            if operation.type == "CALLBACK" and operation.status == "STARTED":
                assert operation.callback_details is not None
                with suppress(CallbackTimeoutException):  # it was answered when it was looked at
                    self._answer(engine, str(operation.name), str(operation.callback_details.callback_id), life)

    def _answer(self, engine: Engine, name: str, callback_id: str, life: Life) -> None:
        if name.startswith("success"):
            engine.send_callback_success(callback_id, f"answer to {name}")
        elif name.startswith("failure"):
            engine.send_callback_failure(callback_id, f"refused {name}")
        else:
            life.clock.advance(CALLBACK_TIMEOUT)

    def write(self, store: _AccidentStore, writes: Writes, life: Life) -> None:
        """A write of a life: it is stored, refused, or the last one."""
        if life.is_over:
            raise StoreError("a ghost writes")
        self._writes += 1
        store.writes += 1
        if life.crash is not None and store.writes == life.crash.write:
            if life.crash.is_stored:
                store.store(writes)
                life.stored(writes.entries)
            life.is_over = True
            life.died_at = life.clock.now()
            copy_database(Path(store.path), life.grave)
            life.news.set()
            raise StoreError("the engine has crashed")
        if self._writes in self._accidents.faults:
            self.faults += 1
            life.news.set()
            raise StoreError("refused")
        store.store(writes)
        life.stored(writes.entries)


class _AccidentStore(Store):
    def __init__(self, path: str, ride: Ride, life: Life) -> None:
        super().__init__(path)
        # What is lost with the power is not asked here, and what is copied is what was written: a sync only takes time.
        self._connection.execute("PRAGMA synchronous = OFF")
        self.path = path
        self.writes = 0
        self._ride = ride
        self._life = life

    def write(self, writes: Writes) -> None:
        self._ride.write(self, writes, self._life)

    def store(self, writes: Writes) -> None:
        super().write(writes)
