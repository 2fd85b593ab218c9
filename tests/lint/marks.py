"""Which findings a file of the corpus expects: the codes in a comment at the end of a line, `# DUR001 DUR002`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from durable_lambda.lint import DEFAULT, Finding, check_source

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py"))
_MARK = re.compile(r"#((?: DUR\d{3})+)$", re.MULTILINE)


def marks(source: str) -> Counter[tuple[int, str]]:
    """How often each code is expected on each line."""
    lines = enumerate(source.splitlines(), 1)
    return Counter((number, code) for number, line in lines for m in _MARK.findall(line) for code in m.split())


def findings(source: str, *more: str) -> list[Finding]:
    """What the rules that are on, and some more, find."""
    return check_source(source, selected={*DEFAULT, *more})


def found(source: str, *more: str) -> Counter[tuple[int, str]]:
    """How often each code is found on each line."""
    return Counter((finding.line, finding.code) for finding in findings(source, *more))
