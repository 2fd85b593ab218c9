"""Every example as something that can be run in a test: its functions, an event, and what is said to its callbacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from docstrings import shown_in
from durable_lambda.protocol.hosting import DurableFunction

EXAMPLES = Path(__file__).parents[1] / "examples"
OPERATIONS = sorted((EXAMPLES / "operations").glob("*.py"))
LARGER = [*sorted(EXAMPLES.glob("*/app.py")), EXAMPLES / "observability.py"]

_FUNCTIONS = {"order_processing": "process_order"}
_OTHERS: dict[str, list[tuple[Any, Any]]] = {
    "order_processing": [
        (
            json.loads((EXAMPLES / "order_processing" / name).read_text(encoding="utf-8")),
            {"approved": True, "by": "grace"},
        )
        for name in ("order.json", "order_large.json")
    ],
    "fan_out": [({"month": "2026-03", "customers": 60}, None)],  # those of its docstring take seconds
    "observability": [(["apples", "pears"], None)],
}
"""Events and answers, for an example whose docstring gives none that suit a test."""


class ExampleRun(NamedTuple):
    """One event for one example."""

    path: Path
    function: str
    event: Any
    answer: Any

    def __str__(self) -> str:
        return self.path.stem if self.path.stem != "app" else self.path.parent.name

    def functions(self, module: ModuleType) -> Sequence[DurableFunction]:
        """All that the file has, that which is run first."""
        first = getattr(module, self.function)
        others = {id(value): value for value in vars(module).values() if isinstance(value, DurableFunction)}
        return [first, *(value for value in others.values() if value is not first)]


def runs_of(path: Path) -> list[ExampleRun]:
    """The runs that an example's docstring shows, or those that stand for them."""
    name = path.stem if path.stem != "app" else path.parent.name
    if name in _OTHERS:
        function = _FUNCTIONS.get(name, "handler")
        return [ExampleRun(path, function, event, answer) for event, answer in _OTHERS[name]]
    shown = shown_in(path)
    words = shown.commands[0]
    event = words[words.index("--event") + 1]
    if event.startswith("@"):
        event = (path.parent / event[1:]).read_text(encoding="utf-8")
    answer = shown.option("--result", command=1) if len(shown.commands) > 1 else None
    return [ExampleRun(path, shown.target, json.loads(event), answer)]


Load = Callable[[Path], ModuleType]

EVERY_EXAMPLE = [run for path in [*OPERATIONS, *LARGER] for run in runs_of(path)]
