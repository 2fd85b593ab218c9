"""A thousand branches in twenty lines: which of many siblings are drawn, and how the others are told in one line.

What needs somebody's eye is drawn: failures, and what runs or waits. What has succeeded is counted.
Pure, as `tree` is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from durable_lambda.protocol.operations import Operation

MOST: Final = 20  # siblings that are drawn where the height of the terminal does not ask for fewer
_LEAST: Final = 4
_LINES_AROUND: Final = 8  # heading, prompt, parents and what stands beside the siblings
_LINES_A_BRANCH: Final = 2  # a branch and the operation that it is at
_FAILURE, _OPEN, _CUT_OFF, _DONE = range(4)  # in the order in which they are preferred


def most_for(height: int) -> int:
    """How many of many siblings a terminal of that height has room for."""
    return min(MOST, max(_LEAST, (height - _LINES_AROUND) // _LINES_A_BRANCH))


def pick(siblings: Sequence[Operation], most: int | None) -> tuple[Sequence[Operation], Sequence[Operation]]:
    """Those to draw, at most so many, and the others; each in the order in which they started.

    At most half of the room is for failures, so that one sees what goes on. Of what has ended the latest are preferred,
    and of what goes on the oldest: those may be stuck.
    """
    if most is None or len(siblings) <= most:
        return siblings, ()
    ranks = [_rank(each) for each in siblings]
    order = sorted(range(len(siblings)), key=lambda index: (ranks[index], index if ranks[index] == _OPEN else -index))
    failures = [index for index in order if ranks[index] == _FAILURE]
    first, later = failures[: most // 2], failures[most // 2 :]
    others = [index for index in order if ranks[index] != _FAILURE]
    drawn = {*first, *(others + later)[: most - len(first)]}
    left_out = [each for index, each in enumerate(siblings) if index not in drawn]
    return [siblings[index] for index in sorted(drawn)], left_out


def count(left_out: Sequence[Operation], state: Callable[[Operation], str]) -> str:
    """`980 more succeeded`, or `980 more: 960 succeeded, 20 running`."""
    states = Counter(state(each) for each in left_out).most_common()
    if len(states) == 1:
        return f"{len(left_out)} more {states[0][0]}"
    return f"{len(left_out)} more: {', '.join(f'{number} {name}' for name, number in states)}"


def _rank(operation: Operation) -> int:
    if operation.status in ("FAILED", "TIMED_OUT"):
        return _FAILURE
    if not operation.is_terminal:
        return _OPEN
    return _DONE if operation.status == "SUCCEEDED" else _CUT_OFF
