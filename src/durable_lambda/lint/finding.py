"""What the linter knows and says: a rule, and a finding of one at a place in a file."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the linter looks for. What it says of itself is also its section in `docs/lint.md`."""

    code: str
    name: str
    explanation: str
    """Why it is wrong and what is right, for `durable lint --explain`."""
    wrong: str
    """A small module; each line that is found ends with a comment that has the code."""
    right: str
    is_default: bool = True
    """Whether it is on without being selected."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of a node; it becomes a finding if the rule is selected and the line is not silenced."""

    rule: Rule
    node: ast.AST
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A remark at its place. Lines and columns count from 1, columns in characters."""

    path: str
    line: int
    column: int
    code: str
    message: str
    end_line: int
    end_column: int
