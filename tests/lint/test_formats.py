"""Findings as text, as annotations and as JSON."""

from __future__ import annotations

import json

from durable_lambda.lint import RULES, Finding
from durable_lambda.lint.formats import as_github, as_json, as_text, explained

ONE = Finding("app.py", 3, 5, "DUR001", "a clock: 50%", 3, 9)
LONG = Finding("app.py", 1, 2, "DUR008", "not awaited", 2, 3)


def test_text_is_a_line_for_each_finding() -> None:
    assert list(as_text([LONG, ONE])) == ["app.py:1:2: DUR008 not awaited", "app.py:3:5: DUR001 a clock: 50%"]


def test_the_source_line_has_a_mark_under_the_place() -> None:
    assert list(as_text([ONE], lambda _: ["", "", "\tab call() c"])) == [
        "app.py:3:5: DUR001 a clock: 50%",
        "  |",
        "3 | \tab call() c",
        "  | \t   ^^^^ DUR001",
        "",
    ]


def test_what_goes_on_over_lines_is_marked_to_the_end_of_its_first() -> None:
    assert list(as_text([LONG], lambda _: ["(abc", "d)"]))[3] == "  |  ^^^ DUR008"


def test_a_file_that_has_become_shorter_shows_no_line() -> None:
    assert list(as_text([ONE], lambda _: [])) == ["app.py:3:5: DUR001 a clock: 50%"]


def test_github_gets_commands_with_what_it_would_misread_escaped() -> None:
    (line,) = as_github([Finding("a,b:c.py", 3, 5, "DUR001", "50%\nmore, and: more", 3, 9)])
    assert line == (
        "::error title=DUR001,file=a%2Cb%3Ac.py,line=3,col=5,endLine=3,endColumn=9::DUR001 50%25%0Amore, and: more"
    )


def test_json_has_everything_for_a_program() -> None:
    assert json.loads(as_json([ONE], RULES)) == [
        {
            "code": "DUR001",
            "name": "clock-outside-step",
            "message": "a clock: 50%",
            "filename": "app.py",
            "location": {"row": 3, "column": 5},
            "end_location": {"row": 3, "column": 9},
        }
    ]


def test_a_rule_explains_itself_with_a_wrong_and_a_right_example() -> None:
    rule = RULES["DUR012"]
    text = explained(rule)
    assert text.startswith("## DUR012: sleep-outside-step\n\n")
    assert text.index(rule.explanation) < text.index(rule.wrong) < text.index(rule.right)
