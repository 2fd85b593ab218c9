"""What a page or a docstring says that a command prints, held against what it prints.

The lines have to be there, in their order; other lines may stand between them. `…` stands for anything, and any number
of spaces for any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def assert_shows(command: str, expected: Sequence[str], output: str) -> None:
    """The output has the lines."""
    place = 0
    for line in expected:
        match = _pattern(line).search(output, place)
        assert match, f"$ {command}\nprinted\n{output}\nand not, or not there:\n{line}"
        place = match.end()


def assert_is(command: str, expected: Sequence[str], output: str) -> None:
    """The output is the lines and nothing else."""
    assert _pattern("\n".join(expected)).fullmatch(output.strip()), f"$ {command}\ngave\n{output}\nand not\n{expected}"


def _pattern(text: str) -> re.Pattern[str]:
    words = (r"\s+".join(map(re.escape, part.split())) for part in text.split("…"))
    return re.compile(r".*?".join(words))
