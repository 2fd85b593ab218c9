"""Which handler is for which requirement: `conformance.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Function:
    """A function that the host runs."""

    name: str
    handler: str
    """`module:attribute`."""
    root: Path
    """What its modules are found in."""
    requirements: tuple[str, ...] = ()
    timeout: int = 60
    """Seconds for one invocation."""
    execution_timeout: int = 300
    environment: dict[str, str] = field(default_factory=dict)


def read_functions(path: Path) -> dict[str, Function]:
    """The functions of a file, by name."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    root = (path.parent / document.get("code_root", ".")).resolve()
    return {
        name: Function(
            name,
            entry["handler"],
            root,
            tuple(str(requirement) for requirement in entry.get("requirements", ())),
            entry.get("timeout", 60),
            entry.get("execution_timeout", 300),
            entry.get("env", {}),
        )
        for name, entry in document["functions"].items()
    }
