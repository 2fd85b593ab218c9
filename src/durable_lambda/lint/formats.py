"""Findings as text: for people, for GitHub's annotations, for programs. Pure: lines in, lines out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from durable_lambda.lint.finding import Finding, Rule


def as_text(findings: list[Finding], source: Callable[[str], list[str]] | None = None) -> Iterator[str]:
    """`path:line:column: CODE message`, and if `source` gives a file's lines, the line with a mark under the place."""
    for finding in findings:
        yield f"{finding.path}:{finding.line}:{finding.column}: {finding.code} {finding.message}"
        lines = source(finding.path) if source is not None else []
        if finding.line <= len(lines):
            yield from _shown(finding, lines[finding.line - 1])


def _shown(finding: Finding, line: str) -> list[str]:
    number = str(finding.line)
    end = finding.end_column if finding.end_line == finding.line else len(line) + 1
    before = "".join(character if character == "\t" else " " for character in line[: finding.column - 1])
    margin = " " * len(number)
    return [
        f"{margin} |",
        f"{number} | {line}",
        f"{margin} | {before}{'^' * max(end - finding.column, 1)} {finding.code}",
        "",
    ]


def as_github(findings: list[Finding]) -> Iterator[str]:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    for finding in findings:
        properties = {
            "title": finding.code,
            "file": finding.path,
            "line": finding.line,
            "col": finding.column,
            "endLine": finding.end_line,
            "endColumn": finding.end_column,
        }
        told = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in properties.items())
        yield f"::error {told}::{_escaped(f'{finding.code} {finding.message}', '')}"


def _escaped(text: str, more: str) -> str:
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in text)


def as_json(findings: list[Finding], rules: dict[str, Rule]) -> str:
    """A list of objects, each with the code, the rule's name, the message and the place."""
    return json.dumps(
        [
            {
                "code": finding.code,
                "name": rules[finding.code].name,
                "message": finding.message,
                "filename": finding.path,
                "location": {"row": finding.line, "column": finding.column},
                "end_location": {"row": finding.end_line, "column": finding.end_column},
            }
            for finding in findings
        ],
        indent=2,
        ensure_ascii=False,
    )


def explained(rule: Rule) -> str:
    """What a rule says of itself, with a wrong and a right example, in Markdown."""
    parts = [
        f"## {rule.code}: {rule.name}",
        rule.explanation,
        "Wrong:",
        f"```python\n{rule.wrong}```",
        "Right:",
        f"```python\n{rule.right}```",
    ]
    return "\n\n".join(parts)
