"""The seam: SQLite's own way to the files, with a `Watcher` in front of what changes them.

A VFS is a table of C functions, and so are the methods of a file. Both are copied here with a few entries replaced;
everything else (reads, locks, the shared memory of a WAL) stays the C code that it was. It is the SQLite library that
Python's `sqlite3` uses that is extended, so the product runs on it unchanged and unaware. A Python that hides the
symbols of its SQLite cannot be extended; `is_available` tells.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3  # loads the library
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from typing import Any, Protocol

OPEN_CREATE = 0x4
OPEN_JOURNAL = 0x800 | 0x4000 | 0x80000
"""A rollback journal, a super-journal, a write-ahead log."""

assert sqlite3.sqlite_version_info >= (3, 7)

# Names are passed on as the pointers that they came as: a file keeps its own.
XOpen = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
XDelete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
XWrite = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
XTruncate = CFUNCTYPE(c_int, c_void_p, c_int64)
XSync = CFUNCTYPE(c_int, c_void_p, c_int)

_METHODS = (
    "xClose xRead xWrite xTruncate xSync xFileSize xLock xUnlock xCheckReservedLock xFileControl xSectorSize "
    "xDeviceCharacteristics xShmMap xShmLock xShmBarrier xShmUnmap xFetch xUnfetch"
)
_ENTRIES = (
    "xOpen xDelete xAccess xFullPathname xDlOpen xDlError xDlSym xDlClose xRandomness xSleep xCurrentTime "
    "xGetLastError xCurrentTimeInt64 xSetSystemCall xGetSystemCall xNextSystemCall"
)


class _Methods(Structure):
    _fields_ = (("iVersion", c_int), *((name, c_void_p) for name in _METHODS.split()))


class _File(Structure):
    _fields_ = (("methods", POINTER(_Methods)),)


class _Vfs(Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        *((name, c_void_p) for name in _ENTRIES.split()),
    )


class OpenFile:
    """A file that SQLite has open, and the way to it past the watcher. These return SQLite's result codes."""

    def __init__(self, address: int, path: str, flags: int, methods: _Methods) -> None:
        self.path = path
        self.syncs_directory = bool(flags & OPEN_CREATE and flags & OPEN_JOURNAL)
        """Whether its next sync is one of its directory too, as SQLite's unix files do it."""
        self._address = address
        self._write = cast(methods.xWrite, XWrite)
        self._truncate = cast(methods.xTruncate, XTruncate)

    def write(self, offset: int, data: bytes) -> int:
        return self._write(self._address, data, len(data), offset)

    def truncate(self, size: int) -> int:
        return self._truncate(self._address, size)


class Watcher(Protocol):
    """Decides what happens. Each returns one of SQLite's result codes, and does to the file what it likes."""

    def watches(self, path: str) -> bool: ...

    def on_open(self, file: OpenFile, is_new: bool) -> None: ...

    def on_write(self, file: OpenFile, offset: int, data: bytes) -> int: ...

    def on_truncate(self, file: OpenFile, size: int) -> int: ...

    def on_sync(self, file: OpenFile) -> int: ...

    def on_delete(self, path: str, syncs_directory: bool) -> int | None:
        """`None`: let it be deleted."""
        ...


class _Shim:
    """Registered once for the life of the process: SQLite may hold on to it. Without a watcher it does nothing."""

    def __init__(self) -> None:
        import _sqlite3

        library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        self._register = library.sqlite3_vfs_register
        self._register.argtypes = (POINTER(_Vfs), c_int)
        self._base = library.sqlite3_vfs_find(None)
        self._base_open = cast(self._base.contents.xOpen, XOpen)
        self._base_delete = cast(self._base.contents.xDelete, XDelete)
        self._files: dict[int, OpenFile] = {}
        self._patched: dict[int, _Methods] = {}
        self._callbacks: dict[str, Any] = {
            "xOpen": XOpen(self._open),
            "xDelete": XDelete(self._delete),
            "xWrite": XWrite(self._write),
            "xTruncate": XTruncate(self._truncate),
            "xSync": XSync(self._sync),
        }
        self._vfs = _copy(self._base.contents)
        self._vfs.zName = b"durable-lambda-simulated-disk"
        self._replace(self._vfs, "xOpen", "xDelete")
        self.watcher: Watcher | None = None
        self._register(ctypes.pointer(self._vfs), 0)

    def use(self, is_default: bool) -> None:
        self._register(ctypes.pointer(self._vfs) if is_default else self._base, 1)

    def _replace(self, table: Structure, *names: str) -> None:
        for name in names:
            setattr(table, name, cast(self._callbacks[name], c_void_p))

    def _open(self, vfs: int, name: int | None, address: int, flags: int, out: int | None) -> int:
        path = None if name is None else _path(name)
        is_new = path is not None and not os.path.exists(path)
        code = self._base_open(vfs, name, address, flags, out)
        watcher = self.watcher
        if code or path is None or watcher is None or not watcher.watches(path):
            return code
        file = _File.from_address(address)
        methods = file.methods.contents
        opened = self._files[address] = OpenFile(address, path, flags, methods)
        key = ctypes.addressof(methods)
        if key not in self._patched:
            self._patched[key] = _copy(methods)
            self._replace(self._patched[key], "xWrite", "xTruncate", "xSync")
        file.methods = ctypes.pointer(self._patched[key])
        watcher.on_open(opened, is_new)
        return code

    def _delete(self, vfs: int, name: int, syncs_directory: int) -> int:
        path, watcher = _path(name), self.watcher
        if watcher is not None and watcher.watches(path) and os.path.exists(path):
            code = watcher.on_delete(path, bool(syncs_directory))
            if code is not None:
                return code
        return self._base_delete(vfs, name, syncs_directory)

    def _write(self, address: int, data: int, size: int, offset: int) -> int:
        return self._watching().on_write(self._files[address], offset, ctypes.string_at(data, size))

    def _truncate(self, address: int, size: int) -> int:
        return self._watching().on_truncate(self._files[address], size)

    def _sync(self, address: int, flags: int) -> int:
        return self._watching().on_sync(self._files[address])

    def _watching(self) -> Watcher:
        assert self.watcher is not None, "a watched file is in use after its watch has ended"
        return self.watcher


def _path(name: int) -> str:
    return os.fsdecode(ctypes.string_at(name))


def _copy(table: Any) -> Any:
    return type(table).from_buffer_copy(table)


_shim: _Shim | None = None


def is_available() -> bool:
    """Whether the SQLite of this Python can be extended."""
    try:
        _get()
    except (AttributeError, OSError):
        return False
    return True


def _get() -> _Shim:
    global _shim  # noqa: PLW0603  # as SQLite has it: one for the process
    if _shim is None:
        _shim = _Shim()
    return _shim


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Whatever `sqlite3` opens in here goes through the watcher, if it wants it. All of it has to be closed in here."""
    shim = _get()
    assert shim.watcher is None, "one watcher at a time"
    shim.watcher = watcher
    shim.use(True)
    try:
        yield
    finally:
        shim.use(False)
        shim.watcher = None
