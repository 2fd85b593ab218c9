"""What a row is made of: the probes that it asks for, the results that come back, and the lines made of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

Measured = dict[str, Any]
"""What a probe prints: numbers, and lists of numbers."""


@dataclass(frozen=True)
class Probe:
    """One process: a row's question to a subject, asked `rounds` times."""

    subject: str
    rounds: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return key_of(self.subject, self.options)


def key_of(subject: str, options: dict[str, Any]) -> str:
    return f"{subject} {json.dumps(options, sort_keys=True)}"


@dataclass
class Line:
    """A line of the table. Figures are by subject, in the unit; `bare` is the floor."""

    what: str
    unit: str
    figures: dict[str, float | None]
    ask: str = ""
    met: bool | None = None
    noise: float | None = None
    """Range of our rounds over their median."""
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the best of the peers."""
        ours = self.figures.get("ours")
        peers = [value for subject, value in self.figures.items() if subject not in ("ours", "bare") and value]
        if not ours or not peers:
            return None
        return ours / max(peers) if self.more_is_better else min(peers) / ours


class Results:
    """What the probes of a row printed, round by round."""

    def __init__(self) -> None:
        self.measured: dict[str, list[Measured]] = {}

    def add(self, probe: Probe, measured: Measured) -> None:
        self.measured.setdefault(probe.key, []).append(measured)

    def rounds(self, subject: str, figure: str, **options: Any) -> list[float]:
        """One number a round: a list of samples counts with its median."""
        found = (each.get(figure) for each in self.measured.get(key_of(subject, options), ()))
        return [middle(value) if isinstance(value, list) else value for value in found if value is not None]

    def median(self, subject: str, figure: str, scale: float = 1.0, **options: Any) -> float | None:
        """The median of the rounds; `None` when the subject was not asked, or had no answer."""
        rounds = self.rounds(subject, figure, **options)
        return statistics.median(rounds) * scale if rounds else None

    def medians(self, figure: str, subjects: Iterable[str], scale: float = 1.0, **options: Any) -> dict[str, Any]:
        return {subject: self.median(subject, figure, scale, **options) for subject in subjects}

    def noise(self, subject: str, figure: str, **options: Any) -> float | None:
        """The range of the rounds over their median."""
        rounds = self.rounds(subject, figure, **options)
        centre = statistics.median(rounds) if rounds else 0
        return (max(rounds) - min(rounds)) / centre if centre else None


class Row(Protocol):
    """A module in `rows/`. `measure` runs in the subject's own interpreter; the rest does not.

    A row with a `script` in place of `measure` gives the code of a process that imports nothing else.
    """

    TITLE: str

    def plan(self, quick: bool) -> list[Probe]: ...

    def lines(self, results: Results) -> list[Line]: ...


def middle(samples: list[float]) -> float:
    return statistics.median(samples)


def percentile(samples: Iterable[float], percent: float) -> float:
    """The sample below which that many percent lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def within(value: float | None, bound: float | None) -> bool | None:
    """Whether a value is at most a bound; `None` when either was not measured."""
    return None if value is None or bound is None else value <= bound


def both(*verdicts: bool | None) -> bool | None:
    """One verdict of several: what was not measured does not count, unless nothing was."""
    known = [verdict for verdict in verdicts if verdict is not None]
    return all(known) if known else None


def over(value: float | None, base: float | None) -> float | None:
    """A ratio, where both were measured."""
    return value / base if value is not None and base else None


def times(ratio: float | None) -> str:
    """A ratio as it is shown."""
    return "?" if ratio is None else f"{ratio:.2f} ×"
