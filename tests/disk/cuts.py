"""One run, and every cut through it; one run with a fault, and cuts after it. The tests and the soak share this.

A run is recorded once. Power is then lost after each event of its log in turn, in several ways: nothing unsynced
survives, all of it does, the last write is torn, or each sector has a fate of its own by chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from disk.disk import Failure, Fault, SimulatedDisk
from disk.ledger import Ledger, WatchedStore
from disk.medium import Event, Image, Luck, Medium, Scattered, Torn, Worst
from disk.verdict import BrokenPromiseError, judge, judge_recovery, laid_out, opened
from disk.vfs import watched
from disk.workload import STANDARD, End, Order, Run
from durable_lambda.engine import StoreError


@dataclass(slots=True)
class Recording:
    """What a run did to the disk, and what it told. `image`: what the disk held before."""

    image: Image
    log: Sequence[Event]
    ledger: Ledger
    orders: tuple[Order, ...]
    ends: dict[str, End]
    operations: int
    failed: int
    is_stuck: bool = False


@dataclass(slots=True)
class Figures:
    """What was tried and found."""

    runs: int = 0
    cuts: int = 0
    recoveries: int = 0
    faults: int = 0
    broken: list[tuple[str, BrokenPromiseError]] = field(default_factory=list[tuple[str, BrokenPromiseError]])
    """Where, and what."""

    def count(self, *kinds: str) -> int:
        return sum(broken.kind in kinds for _, broken in self.broken)


def record(
    orders: tuple[Order, ...] = STANDARD,
    *,
    image: Image | None = None,
    fault: Fault | None = None,
    seed: str = "",
    life: int = 0,
    store_type: Callable[[str, Ledger], WatchedStore] = WatchedStore,
) -> Recording:
    """Let the workload run on a simulated disk."""
    image = image or {}
    with laid_out({}) as directory:
        disk = SimulatedDisk(directory, image=image, fault=fault, seed=seed)
        ledger = Ledger(lambda: len(disk.log), entries_in(image))
        ends: dict[str, End] = {}
        refusals, is_stuck = 0, False
        with watched(disk):
            while len(ends) < len(orders) and not is_stuck:
                run = Run(directory, ledger, orders, store_type, life=life + refusals, ends=ends)
                try:
                    run.play()
                except StoreError:
                    refusals += 1  # it cannot be opened now, and says so
                    assert refusals <= disk.failed, "refused without a reason"
                except TimeoutError:
                    is_stuck = True
        return Recording(image, disk.log, ledger, orders, ends, disk.operations, disk.failed, is_stuck)


def entries_in(image: Image) -> list[tuple[int, bytes]]:
    """The log that an image holds, for a run that goes on from it."""
    if not image:
        return []
    with laid_out(image) as directory, opened(directory) as store:
        return [(key, bytes(entry)) for key, entry in store._rows("SELECT execution, entry FROM log ORDER BY seq")]


def lucks(seed: str, scattered: int) -> Iterator[Luck]:
    """The ways in which power is lost at one place."""
    yield Worst()
    yield Luck()
    yield Torn(seed)
    for number in range(scattered):
        yield Scattered(f"{seed}/{number}")


def images(
    recording: Recording, at: Iterable[int], *, seed: str = "", scattered: int = 1
) -> Iterator[tuple[int, Luck, Image]]:
    """What may be left after a cut at each of these positions (0: before the first event; ascending), each once."""
    medium, applied = Medium(recording.image), 0
    for position in at:
        for event in recording.log[applied:position]:
            medium.apply(event)
        applied = position
        seen: list[Image] = []
        for luck in lucks(f"{seed}/{position}", scattered):
            image = medium.lose_power(luck)
            if image not in seen:
                seen.append(image)
                yield position, luck, image


def cut(
    recording: Recording,
    figures: Figures,
    at: Iterable[int] | None = None,
    *,
    ends: dict[str, End] | None = None,
    seed: str = "",
    scattered: int = 1,
    recover_every: int = 1,
) -> None:
    """Judge every cut (or those), and let an engine go on from every so many of them, to end as in `ends`."""
    positions = range(len(recording.log) + 1) if at is None else at
    for number, (position, luck, image) in enumerate(images(recording, positions, seed=seed, scattered=scattered)):
        try:
            figures.cuts += 1
            judge(image, recording.ledger, position)
            if number % recover_every == 0:
                figures.recoveries += 1
                judge_recovery(image, recording.ledger, position, recording.orders, ends or recording.ends)
        except BrokenPromiseError as broken:
            figures.broken.append((f"seed {seed!r}, cut {position} of {len(recording.log)}, {luck.name}", broken))


def failures_at(number: int) -> Iterator[Fault]:
    """The ways in which one operation may fail; and some more after it, as when a disk is bad for a while."""
    for failure in get_args(Failure):
        yield Fault(number, failure)
    yield Fault(number, "ENOSPC", lasts=6)
    yield Fault(number, "forgets", lasts=25)


def fail(reference: Recording, figures: Figures, fault: Fault, *, seed: str = "", scattered: int = 1) -> Recording:
    """Let operations fail under a workload: it ends as without. Then lose power, at the end and at two other places."""
    seed = f"{seed}/{fault}"
    recording = record(reference.orders, fault=fault, seed=seed)
    figures.runs += 1
    figures.faults += recording.failed
    if recording.is_stuck:
        figures.broken.append((seed, BrokenPromiseError("stuck", f"the engine did not go on after {fault}")))
    elif recording.ends != reference.ends:
        figures.broken.append((seed, BrokenPromiseError("diverged", f"{recording.ends} instead of {reference.ends}")))
    chance, end = random.Random(seed), len(recording.log)
    places = sorted({chance.randrange(end), chance.randrange(end), end})
    cut(recording, figures, places, ends=reference.ends, seed=seed, scattered=scattered, recover_every=5)
    return recording
