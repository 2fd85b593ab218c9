"""What was acknowledged, and when: the position in the disk's log at which somebody was told.

Two kinds of it. `Facts` are what a user was told: this execution exists, that step has this result. `Batches` are what
the store was asked to write, byte for byte, and which of them it said were stored. A batch is told before the facts in
it are, so what is asked of it is the harder of the two; the facts see that nothing is told without a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from durable_lambda.engine.store import Store, Writes

Fact: TypeAlias = tuple[str, ...]
"""`("started", execution)`, `("step", execution, key)`, `("callback", execution, key)`,
`("ended", execution, status)`."""


@dataclass(slots=True, eq=False)
class Batch:
    begun: int
    writes: Writes
    stored: int | None = None
    """Where the store said so; `None`: it has not, or has said that it failed."""


@dataclass(slots=True)
class Ledger:
    """`position()`: the length of the disk's log. `before`: what the store had when this ledger began."""

    position: Callable[[], int]
    before: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    facts: list[tuple[int, Fact]] = field(default_factory=list[tuple[int, Fact]])
    batches: list[Batch] = field(default_factory=list[Batch])
    ran: list[Fact] = field(default_factory=list[Fact])
    """Bodies of steps that ran: execution and key."""

    def tell(self, *fact: str) -> None:
        self.facts.append((self.position(), fact))

    def told_by(self, position: int) -> list[Fact]:
        """The facts that somebody knew when the log was that long."""
        return [fact for told, fact in self.facts if told <= position]

    def certain_by(self, position: int) -> list[Batch]:
        """The batches that have to be there."""
        return [batch for batch in self.batches if batch.stored is not None and batch.stored <= position]

    def possible_by(self, position: int) -> list[Batch]:
        """The batches of which one may be there as well: begun since the last certain one, and not acknowledged."""
        certain = self.certain_by(position)
        first = self.batches.index(certain[-1]) + 1 if certain else 0
        return [batch for batch in self.batches[first:] if batch.begun <= position]


class WatchedStore(Store):
    """The store, noting what it is asked for and what it answers."""

    def __init__(self, path: str, ledger: Ledger) -> None:
        self._ledger = ledger
        super().__init__(path)

    def write(self, writes: Writes) -> None:
        batch = Batch(self._ledger.position(), writes)
        self._ledger.batches.append(batch)
        self.store(writes)
        batch.stored = self._ledger.position()

    def store(self, writes: Writes) -> None:
        """What is watched."""
        super().write(writes)
