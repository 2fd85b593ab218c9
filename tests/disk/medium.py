"""What a disk holds, and what it may hold after power was lost. Pure: events in, bytes out.

The rules are those that SQLite counts on, and no better:

- What was written to a file is sure when that file was synced afterwards, and not before. Until then each sector (512
  bytes) of each write is by itself old, new, torn or garbage, whatever the order of the writes was.
- A write does not harm the bytes beside it (SQLite's POWERSAFE_OVERWRITE, which it takes for granted by default).
- A name that was created or deleted is sure when its directory was synced. SQLite does that with the first sync of a
  journal or a WAL that it opened, and with some deletions; the sync of a database file does not count as one.
- After a sync that failed, whatever was not sure stays unsure for ever: a later sync that succeeds does not mean it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

SECTOR: Final = 512


@dataclass(frozen=True, slots=True)
class Created:
    name: str


@dataclass(frozen=True, slots=True)
class Deleted:
    name: str
    syncs_directory: bool


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    name: str
    syncs_directory: bool
    failed: bool = False


Event: TypeAlias = Created | Deleted | Written | Truncated | Synced
Image: TypeAlias = dict[str, bytes]
"""Names and contents of files."""


@dataclass(slots=True)
class Change:
    """Of a file's bytes, and how sure it is."""

    event: Written | Truncated
    is_sure: bool = False
    is_doomed: bool = False
    """A sync failed since: it can only become sure by being written again."""

    def apply(self, content: bytearray) -> None:
        if isinstance(self.event, Truncated):
            resize(content, self.event.size)
        else:
            put(content, self.event.offset, self.event.data)


Survival: TypeAlias = Callable[[bytearray, Change, bool], None]
"""What is left of a change that is not sure; whether it is the last one of all."""


@dataclass(slots=True, eq=False)
class Inode:
    sure: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list[Change])
    """Since then, in order."""

    def sync(self) -> None:
        for change in self.changes:
            change.is_sure = not change.is_doomed
        while self.changes and self.changes[0].is_sure:
            self.changes.pop(0).apply(self.sure)

    def fail_sync(self) -> None:
        for change in self.changes:
            change.is_doomed = not change.is_sure

    def content(self, survive: Survival, last: Change | None = None) -> bytearray:
        content = bytearray(self.sure)
        for change in self.changes:
            if change.is_sure:
                change.apply(content)
            else:
                survive(content, change, change is last)
        return content


class Medium:
    """Starts with the files of an image, all of them sure."""

    def __init__(self, image: Image | None = None) -> None:
        self._sure = {name: Inode(bytearray(content)) for name, content in (image or {}).items()}
        self._names = dict(self._sure)
        self._renames: list[tuple[str, Inode | None]] = []
        """Creations and deletions that are not sure, in order."""
        self._last: Change | None = None

    def apply(self, event: Event) -> None:
        match event:
            case Created(name):
                inode = self._names[name] = Inode()
                self._renames.append((name, inode))
            case Deleted(name):
                del self._names[name]
                self._renames.append((name, None))
            case Synced(name, failed=True):
                self._names[name].fail_sync()
            case Synced(name):
                self._names[name].sync()
            case Written(name) | Truncated(name):
                self._last = Change(event)
                self._names[name].changes.append(self._last)
        if isinstance(event, (Deleted, Synced)) and event.syncs_directory:
            for name, inode in self._renames:
                _rename(self._sure, name, inode)
            self._renames.clear()

    def content(self, name: str, survive: Survival) -> bytes:
        """What a file may hold, now."""
        return bytes(self._names[name].content(survive))

    def lose_power(self, luck: Luck) -> Image:
        """What is there when power comes back."""
        names = dict(self._sure)
        ended: set[str] = set()
        for name, inode in self._renames:
            if name not in ended and luck.keeps_name():
                _rename(names, name, inode)
            else:
                ended.add(name)  # of one name, what came later did not happen either
        image = {name: bytes(inode.content(luck.survive, self._last)) for name, inode in names.items()}
        return luck.leave_behind(image)


class Luck:
    """How much of what was not sure survives: everything, as when only the process dies."""

    name = "kept"

    def keeps_name(self) -> bool:
        return True

    def survive(self, content: bytearray, change: Change, is_last: bool) -> None:
        change.apply(content)

    def leave_behind(self, image: Image) -> Image:
        return image


class Worst(Luck):
    """Nothing survives."""

    name = "lost"

    def keeps_name(self) -> bool:
        return False

    def survive(self, content: bytearray, change: Change, is_last: bool) -> None:
        pass


class Torn(Luck):
    """Everything but the last write, of which a part has arrived."""

    name = "torn"

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def survive(self, content: bytearray, change: Change, is_last: bool) -> None:
        if is_last and isinstance(change.event, Written):
            data = change.event.data
            put(content, change.event.offset, data[: self._random.randrange(len(data))])
        else:
            change.apply(content)


class Scattered(Luck):
    """Each write, or each sector, has a fate of its own. The shared memory of the WAL holds whatever it likes."""

    name = "scattered"

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._chance = self._random.choice((0.05, 0.3, 0.5, 0.7, 0.9, 0.98))
        self._whole_writes = self._random.random() < 0.4

    def keeps_name(self) -> bool:
        return self._random.random() < self._chance

    def survive(self, content: bytearray, change: Change, is_last: bool) -> None:
        event = change.event
        if isinstance(event, Truncated) or self._whole_writes:
            if self._random.random() < self._chance:
                change.apply(content)
            return
        start = 0
        while start < len(event.data):
            end = min(len(event.data), start + SECTOR - (event.offset + start) % SECTOR)
            put(content, event.offset + start, self._fate(event.data[start:end]))
            start = end

    def _fate(self, sector: bytes) -> bytes:
        if self._random.random() < self._chance:
            return sector
        kind = self._random.random()
        if kind < 0.6:
            return b""
        if kind < 0.8:
            return sector[: self._random.randrange(len(sector) + 1)]
        return self._random.randbytes(len(sector))

    def leave_behind(self, image: Image) -> Image:
        for name in list(image):
            if name.endswith("-wal") and self._random.random() < 0.5:
                image[name.removesuffix("-wal") + "-shm"] = self._random.randbytes(32768)
        return image


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Write into a file's content; a hole before it is zeros."""
    if data:
        if len(content) < offset:
            resize(content, offset)
        content[offset : offset + len(data)] = data


def resize(content: bytearray, size: int) -> None:
    """Cut a file's content, or lengthen it with zeros."""
    del content[size:]
    content.extend(bytes(size - len(content)))


def _rename(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode
