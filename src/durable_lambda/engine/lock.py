"""Who owns a database: a lock on a file beside it, which the operating system releases when the owner dies."""

from __future__ import annotations

import fcntl
import os
import time
from typing import Final

from durable_lambda.engine.errors import FileInUseError, StoreError

PATIENCE_SECONDS: Final = 0.3
"""A client that stores something while no engine runs owns the file for some milliseconds."""


class OwnerLock:
    """Held from creation until `release`. Raises `FileInUseError` if another engine holds it."""

    def __init__(self, path: str) -> None:
        try:
            self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"cannot open {path} for writing: {error.strerror} ({path}.lock)") from error
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while not _try_lock(self._file):
            if time.monotonic() > ends_at:
                owner = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
                os.close(self._file)
                raise FileInUseError(
                    f"{path} is in use by the engine of process {owner or 'unknown'}; one engine owns a file. "
                    f"Use FileClient to talk to that engine, or another file."
                )
            time.sleep(0.01)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode("ascii"), 0)

    def release(self) -> None:
        """Let another engine own the database."""
        os.close(self._file)


def is_owned(path: str) -> bool:
    """Whether an engine owns the database."""
    try:
        file = os.open(f"{path}.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(file)
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
