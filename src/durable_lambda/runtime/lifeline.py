"""Whether the work of a branch still counts.

When a batch is decided before all of its branches are done, the others are cut off: their code is cancelled, and what
it calls or finishes afterwards is neither begun nor stored. What is below a branch is cut off with it.
"""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 100
"""Refused operations, after which code that ignores every refusal is left waiting for ever."""


class Lifeline:
    """What the contexts of a branch hang on."""

    __slots__ = ("_above", "_is_cut", "refusals")

    def __init__(self, above: Lifeline | None) -> None:
        self._above = above
        self._is_cut = False
        self.refusals = 0

    @property
    def is_cut(self) -> bool:
        """Whether this one, or one that it hangs on, was cut."""
        line: Lifeline | None = self
        while line is not None:
            if line._is_cut:
                return True
            line = line._above
        return False

    def cut(self) -> None:
        """From now on nothing counts that hangs on it."""
        self._is_cut = True
