"""Hooks that installed packages bring: the entry points of group `durable_lambda.hooks`.

They are looked for once in a process, at its first invocation. Reading the metadata of every installed package costs a
cold start some 20 ms, and hardly any has such an entry point; so their files are looked through for the group's name
first, in under a millisecond, and only if it is there `importlib.metadata` is imported and asked.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from durable_lambda.runtime.hooks import Hooks

GROUP: Final = "durable_lambda.hooks"

VARIABLE: Final = "DURABLE_LAMBDA_HOOKS"
"""Names of entry points, with commas between: these are used, and no others. Empty: none is."""

_log = logging.getLogger("durable_lambda")
_lock = threading.Lock()
_found: list[Hooks] | None = None


def discovered() -> list[Hooks]:
    """The hooks of all entry points that may be used, in the order of their names. What cannot be loaded is logged."""
    global _found  # noqa: PLW0603  # of the process, as what is installed is
    with _lock:
        if _found is None:
            _found = _discover()
        return _found


def forget() -> None:
    """Discover again when asked next: what is installed has changed."""
    global _found  # noqa: PLW0603
    with _lock:
        _found = None


def _discover() -> list[Hooks]:
    wanted = _wanted()
    if wanted == set() or not (wanted or any(map(_may_have, sys.path))):
        return []
    from importlib.metadata import entry_points  # late: it is slow, and rarely needed

    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    if wanted is None:
        return [hook for entry in found for hook in _loaded(entry)]
    missing = wanted - {entry.name for entry in found}
    if missing:
        _log.error("%s names hooks that are not installed: %s", VARIABLE, ", ".join(sorted(missing)))
    return [hook for entry in found if entry.name in wanted for hook in _loaded(entry)]


def _wanted() -> set[str] | None:
    """The names that the environment allows; `None` for all."""
    names = os.environ.get(VARIABLE)
    return None if names is None else {name.strip() for name in names.split(",") if name.strip()}


def _may_have(folder: str) -> bool:
    """Whether a package in a folder of `sys.path` may have such an entry point."""
    try:
        entries = os.scandir(folder or ".")
    except NotADirectoryError:  # an archive: only `importlib.metadata` can tell
        return True
    except OSError:
        return False
    with entries:
        return any(_mentions_group(entry.path) for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))


def _mentions_group(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:  # pathlib is slow
            return GROUP.encode() in file.read()
    except OSError:
        return False


def _loaded(entry: EntryPoint) -> list[Hooks]:
    from durable_lambda.runtime.hook_set import checked_hook
    from durable_lambda.runtime.hooks import Hooks

    try:
        made: Any = entry.load()
        if isinstance(made, type) or not isinstance(made, Hooks):
            made = made()
        return [checked_hook(made)]
    except Exception:
        _log.exception("hooks %r (%s) cannot be loaded and are left out", entry.name, entry.value)
        return []
