"""What an exploration of crashes has found: told to a person, and as values to a test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from durable_lambda.testing.crashing import Moment


class RepeatedEffect(msgspec.Struct, frozen=True):
    """A body that ran again after it had run: the process was killed before its outcome was stored."""

    step: str
    """The operation as messages name it: `step 'charge'`."""
    source: str
    """Where the body is written."""
    is_keyed: bool
    """Whether it asks for `current_step().idempotency_key`, and so can have its effect once."""
    moments: tuple[Moment, ...]
    """When the process was killed that the body ran twice for."""


UNRECORDED: Final = (
    "The result, or which operations there are, follows from what no step has returned: a variable that lives in the "
    "process, or that a body changes (let the step return it); a clock, chance, or the order of a set; or a body that "
    "gives another value when it runs a second time. `durable lint FILE` finds most of these."
)

_SHORT: Final = 150


class Difference(msgspec.Struct, frozen=True):
    """A run that was killed, and did not end as one that was not."""

    moment: Moment | None
    order: int
    said: tuple[str, ...]
    tree: str

    def __str__(self) -> str:
        when = f"killed {self.moment}" if self.moment is not None else "run again, without a crash"
        number = f" (moment {self.moment.number})" if self.moment is not None else ""
        lines = "\n".join(f"- {line}" for line in self.said)
        return f"{when}{number}, the function ended otherwise:\n{lines}\nIts operations then:\n{self.tree}"

    @property
    def in_short(self) -> str:
        """What differs first, in one line."""
        line = " ".join(self.said[0].split())
        return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"

    @property
    def is_of_the_function(self) -> bool:
        """Whether what it returned or which operations it called differs, and not only what bodies did to the world."""
        return not self.said[0].startswith(("effects() gives", "the body of", "check"))


class CrashReport(msgspec.Struct, frozen=True):
    """What `explore_crashes` has seen. Printed, it tells all of it."""

    function: str
    explored: int
    """How many runs were killed."""
    moments: int
    """How many moments there are, in all orders that were tried."""
    orders: int
    """In how many orders bodies that run beside each other have ended."""
    outcome: str
    """How it ended without a crash, and with one: `SUCCEEDED`, `FAILED: …`."""
    seconds: float
    repeated: tuple[RepeatedEffect, ...]
    """Bodies that ran twice in some run."""
    interrupted: tuple[Moment, ...]
    """Moments after which an at-most-once step was interrupted: what the function makes of that is its own."""
    order_matters: bool
    """Whether the result depends on which body ends first."""

    @property
    def is_complete(self) -> bool:
        """Whether every moment was explored, and not only those for which there was time."""
        return self.explored >= self.moments

    def __str__(self) -> str:
        ended = "." if self.outcome == "SUCCEEDED" else f": {self.outcome}"
        lines = [
            f"{self.function}: killed at {self.explored} of {self.moments} moments, in {self.orders} order"
            f"{'s' if self.orders > 1 else ''} of its bodies, in {self.seconds:.1f} s; it always ended the same{ended}"
        ]
        if not self.is_complete:
            lines.append("The rest was left out for want of time: give seconds= more, or another seed= for others.")
        if self.order_matters:
            lines.append("Its outcome depends on which of its bodies ends first.")
        lines += advice(self.repeated)
        if self.interrupted:
            lines.append(f"At-most-once steps were interrupted in {len(self.interrupted)} runs, as they should be.")
        return "\n".join(lines)


def advice(repeated: Iterable[RepeatedEffect]) -> list[str]:
    """What to do about bodies that can run twice."""
    plain = [each for each in repeated if not each.is_keyed]
    keyed = [each for each in repeated if each.is_keyed]
    lines: list[str] = []
    if plain:
        lines.append("These bodies ran twice when the process died between their effect and its checkpoint:")
        lines += [f"  {each.step}, {each.source}" for each in plain]
        lines.append(
            "  Where that matters, make the effect idempotent (pass current_step().idempotency_key on, or write it so "
            "that a second time changes nothing), or the step at_most_once=True if twice is worse than not at all."
        )
    if keyed:
        lines.append("These ran twice too, and pass an idempotency key on:")
        lines += [f"  {each.step}, {each.source}" for each in keyed]
    return lines
