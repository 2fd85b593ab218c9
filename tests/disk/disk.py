"""`SimulatedDisk`: a directory whose files are recorded as they change, and whose operations fail as told.

What is read back while the machine is up is what was written, as from a page cache; only a sync that fails may lose it
under the eyes of its writer, as some file systems do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from disk.medium import Created, Deleted, Event, Image, Medium, Scattered, Synced, Truncated, Worst, Written
from disk.vfs import OpenFile

OK: Final = 0
FULL: Final = 13
IOERR_WRITE: Final = 778
IOERR_FSYNC: Final = 1034
IOERR_TRUNCATE: Final = 1546
IOERR_DELETE: Final = 2570

Failure: TypeAlias = Literal["EIO", "ENOSPC", "short", "forgets"]
"""What an operation fails with. `short`: a write that stores a part. `forgets`: a sync after which what is read is what
the disk has, and not what was written. A failure that does not fit an operation is an `EIO` there."""


@dataclass(frozen=True, slots=True)
class Fault:
    at: int
    """The operation that fails, counted from 0: writes, truncations, syncs, deletions."""
    failure: Failure = "EIO"
    lasts: int = 1
    """How many operations fail in a row."""


class SimulatedDisk:
    """Args:
    directory: what it sees; it has to hold `image` and nothing else.
    fault: what fails, and when.
    seed: of what is by chance about a failure.
    """

    def __init__(
        self, directory: Path, *, image: Image | None = None, fault: Fault | None = None, seed: str = ""
    ) -> None:
        self.log: list[Event] = []
        self.operations = 0
        self.failed = 0
        """Operations that were failed."""
        self._directory = directory.resolve()
        self._medium = Medium(image)
        self._fault = fault
        self._random = random.Random(seed)
        for name, content in (image or {}).items():
            (directory / name).write_bytes(content)

    def watches(self, path: str) -> bool:
        return Path(path).resolve().parent == self._directory and not path.endswith("-shm")

    def on_open(self, file: OpenFile, is_new: bool) -> None:
        if is_new:
            self._record(Created(_name(file)))

    def on_write(self, file: OpenFile, offset: int, data: bytes) -> int:
        failure = self._failure()
        if failure is None:
            self._record(Written(_name(file), offset, data))
            return file.write(offset, data)
        if failure == "short":
            part = data[: self._random.randrange(1, len(data))]
            self._record(Written(_name(file), offset, part))
            file.write(offset, part)
        return IOERR_WRITE if failure == "EIO" else FULL

    def on_truncate(self, file: OpenFile, size: int) -> int:
        if self._failure() is not None:
            return IOERR_TRUNCATE
        self._record(Truncated(_name(file), size))
        return file.truncate(size)

    def on_sync(self, file: OpenFile) -> int:
        """The file itself is not synced: nothing here outlives the process."""
        failure = self._failure()
        if failure is None:
            self._record(Synced(_name(file), file.syncs_directory))
            file.syncs_directory = False
            return OK
        self._record(Synced(_name(file), False, failed=True))
        if failure == "forgets":
            luck = self._random.choice((Worst(), Scattered(str(self._random.random()))))
            content = self._medium.content(_name(file), luck.survive)
            file.truncate(len(content))
            file.write(0, content)
        return IOERR_FSYNC

    def on_delete(self, path: str, syncs_directory: bool) -> int | None:
        if self._failure() is not None:
            return IOERR_DELETE
        self._record(Deleted(Path(path).name, syncs_directory))
        return None

    def _record(self, event: Event) -> None:
        self.log.append(event)
        self._medium.apply(event)

    def _failure(self) -> Failure | None:
        number = self.operations
        self.operations += 1
        fault = self._fault
        if fault is None or not fault.at <= number < fault.at + fault.lasts:
            return None
        self.failed += 1
        return fault.failure


def _name(file: OpenFile) -> str:
    return Path(file.path).name
