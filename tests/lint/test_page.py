"""`docs/lint.md` says of each rule what `durable lint --explain` says, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda.lint import RULES
from durable_lambda.lint.formats import explained

PAGE = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", RULES)
def test_the_page_has_the_section_of_a_rule(code: str) -> None:
    assert explained(RULES[code]) in PAGE, f"docs/lint.md must have this:\n{explained(RULES[code])}"


def test_the_page_has_the_rules_in_order_and_no_others() -> None:
    headings = [line for line in PAGE.splitlines() if line.startswith("## DUR")]
    assert headings == [f"## {rule.code}: {rule.name}" for rule in RULES.values()]
