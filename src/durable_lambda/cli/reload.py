"""Changed code, in development: the folders of the targets are looked at, and a change is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.5
_SKIPPED: Final = frozenset(("node_modules", "__pycache__", "site-packages"))


def watch_code(targets: Sequence[str], on_change: Callable[[], None]) -> Callable[[], None]:
    """Call `on_change`, from a thread, whenever a Python file beside a target has changed. Returns what ends it."""
    stop = threading.Event()
    folders = {_folder(target) for target in targets}

    def look() -> None:
        known = snapshot(folders)
        while not stop.wait(LOOK_SECONDS):
            now = snapshot(folders)
            if now != known:
                known = now
                on_change()

    threading.Thread(target=look, name="durable-lambda reload", daemon=True).start()
    return stop.set


def snapshot(folders: Iterable[Path]) -> dict[Path, int]:
    """Every Python file below some folders, with its time of change in nanoseconds."""
    found: dict[Path, int] = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            if _SKIPPED.isdisjoint(path.parts) and not any(part.startswith(".venv") for part in path.parts):
                try:
                    found[path] = path.stat().st_mtime_ns
                except OSError:
                    continue  # gone again
    return found


def _folder(target: str) -> Path:
    place = target.partition("=")[2] or target
    path = Path(place.partition(":")[0])
    return path.resolve().parent if path.suffix == ".py" else Path.cwd()
