"""Who owns a database: a lock on a file beside it, which the operating system releases when the owner dies."""

from __future__ import annotations

import fcntl
import os

from durable_lambda.engine.errors import FileInUseError, StoreError


class OwnerLock:
    """Held from creation until `release`. Raises `FileInUseError` if another engine holds it."""

    def __init__(self, path: str) -> None:
        try:
            self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"cannot open {path} for writing: {error.strerror} ({path}.lock)") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise FileInUseError(
                f"{path} is in use by the engine of process {owner or 'unknown'}; one engine owns a file. "
                f"Use FileClient to talk to that engine, or another file."
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode("ascii"), 0)

    def release(self) -> None:
        """Let another engine own the database."""
        os.close(self._file)
