"""What is left on a disk, judged: it is opened as the product opens it, and compared with what was acknowledged.

Each rule that is broken raises `BrokenPromiseError`, whose kind is `lost` for what was acknowledged and is not there,
`half` for what is there in part, `damaged` for a file that is not sound, `diverged` for executions that end in another
way, `repeated` for a step that was acknowledged and ran again, `stuck` for one that does not end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from disk.ledger import Batch, Fact, Ledger
from disk.medium import Image
from disk.workload import NAME, End, Order, Run
from durable_lambda.engine import StoreError
from durable_lambda.engine.machine.identity import no_entropy
from durable_lambda.engine.machine.log import history_of, recover
from durable_lambda.engine.machine.records import ExecutionEnded, ExecutionStarted
from durable_lambda.engine.store import ExecutionRow, Store

Entries = list[tuple[int, bytes]]


class BrokenPromiseError(AssertionError):
    """Args: the kind, and what was found."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def judge(image: Image, ledger: Ledger, position: int) -> None:
    """Judge what a cut at a position of the log has left, before anything goes on."""
    with laid_out(image) as directory, opened(directory) as store:
        check_sound(store)
        check_batches(store, ledger, position)
        check_facts(store, ledger.told_by(position))


def judge_recovery(
    image: Image, ledger: Ledger, position: int, orders: tuple[Order, ...], ends: dict[str, End]
) -> None:
    """Let an engine go on from there: everything ends as it does without a cut, and nothing acknowledged runs again."""
    with laid_out(image) as directory:
        run = Run(directory, Ledger(lambda: 0), orders, life=99)
        try:
            run.play()
        except TimeoutError as error:
            raise BrokenPromiseError("stuck", f"not all of {sorted(ends)} ended") from error
        if run.ends != ends:
            raise BrokenPromiseError("diverged", f"{run.ends} instead of {ends}")
        done = {fact[1:] for fact in ledger.told_by(position) if fact[0] == "step"}
        again = done & set(run.ledger.ran)
        if again:
            raise BrokenPromiseError("repeated", f"{sorted(again)} ran again")
        with opened(directory) as store:
            check_sound(store)
            check_facts(store, ledger.told_by(position) + run.ledger.told_by(0))


@contextmanager
def laid_out(image: Image) -> Iterator[Path]:
    """A directory with the files of an image: in memory, where the system has a place for that."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="disk-", dir=memory if memory.is_dir() else None) as name:
        for file, content in image.items():
            (Path(name) / file).write_bytes(content)
        yield Path(name)


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    try:
        store = Store(str(directory / NAME))
    except StoreError as error:
        raise BrokenPromiseError("damaged", str(error)) from error
    try:
        yield store
    except StoreError as error:
        raise BrokenPromiseError("damaged", str(error)) from error
    finally:
        store.close()


def check_sound(store: Store) -> None:
    """The file is intact, and its two tables tell the same."""
    problems = [row for (row,) in store._rows("PRAGMA integrity_check")]
    if problems != ["ok"]:
        raise BrokenPromiseError("damaged", "; ".join(problems))
    rows = store.list(limit=1_000_000)
    numbers = [number for (number,) in store._rows("SELECT seq FROM log ORDER BY seq")]
    if numbers != list(range(1, len(numbers) + 1)):
        raise BrokenPromiseError("half", f"the log has gaps: {numbers}")
    orphans = store._rows("SELECT DISTINCT execution FROM log WHERE execution NOT IN (SELECT key FROM executions)")
    if orphans:
        raise BrokenPromiseError("half", f"a log without an execution: {orphans}")
    for row in rows:
        _check_execution(row, store)


def _check_execution(row: ExecutionRow, store: Store) -> None:
    log = store.log(row.key)
    starts = [record for record in log if isinstance(record, ExecutionStarted)]
    ends = [record for record in log if isinstance(record, ExecutionEnded)]
    if (
        not log
        or starts != log[:1]
        or (starts[0].id, starts[0].name, starts[0].at) != (row.id, row.name, row.started_at)
    ):
        raise BrokenPromiseError("half", f"{row.name} and its log begin differently")
    if ends != log[-1:] and ends:
        raise BrokenPromiseError("half", f"the log of {row.name} goes on after the end")
    told = (ends[0].status, ends[0].at) if ends else ("RUNNING", None)
    if told != (row.status, row.ended_at):
        raise BrokenPromiseError("half", f"{row.name} is {row.status} in one table and {told[0]} in the other")
    events = [event.event_id for event in history_of(log)]
    if events != list(range(1, len(events) + 1)):
        raise BrokenPromiseError("half", f"the events of {row.name} have gaps: {events}")


def check_batches(store: Store, ledger: Ledger, position: int) -> None:
    """All that was acknowledged, byte for byte and in order; then nothing, or all of one batch that was not."""
    found: Entries = [
        (key, bytes(entry)) for key, entry in store._rows("SELECT execution, entry FROM log ORDER BY seq")
    ]
    certain = ledger.certain_by(position)
    wanted = ledger.before + [entry for batch in certain for entry in batch.writes.entries]
    if found[: len(wanted)] != wanted:
        raise BrokenPromiseError("lost", f"{len(wanted)} entries were acknowledged, {len(found)} are there, or others")
    rest = found[len(wanted) :]
    possible = [batch for batch in ledger.possible_by(position) if batch.writes.entries == rest]
    if rest and not possible:
        raise BrokenPromiseError("half", f"{len(rest)} entries are there that are no whole batch")
    for batch in certain:
        _check_responses(store, batch)
    if rest:
        _check_responses(store, possible[-1])


def _check_responses(store: Store, batch: Batch) -> None:
    for response, number in batch.writes.responses:
        row = store._rows("SELECT response FROM inbox WHERE id = ?", (number,))
        if row and row[0][0] != response:  # without a row it was fetched
            raise BrokenPromiseError("half", f"the answer to request {number} is not there, but what it changed is")


def check_facts(store: Store, facts: list[Fact]) -> None:
    """What users were told."""
    rows = {row.name: row for row in store.list(limit=1_000_000)}
    for kind, name, *details in facts:
        row = rows.get(name)
        if row is None:
            raise BrokenPromiseError("lost", f"{name} was acknowledged and is not there")
        if kind == "ended" and row.status != details[0]:
            raise BrokenPromiseError("lost", f"{name} was told to be {details[0]} and is {row.status}")
        if kind in ("step", "callback"):
            operations = recover(store.log(row.key), no_entropy).operations
            if details[0] not in operations or operations[details[0]].status != "SUCCEEDED":
                raise BrokenPromiseError("lost", f"{name} had completed {details[0]}, and has not")
