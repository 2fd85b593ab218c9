"""The rules, a module for each family. A module has its `RULES` and a `check` that finds what breaks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.rules import (
    awaiting,
    bodies,
    captured,
    changing,
    late_binding,
    names,
    order,
    process,
    races,
    unrecorded,
    unwinding,
)

_FAMILIES = (changing, unrecorded, order, captured, bodies, late_binding, awaiting, names, unwinding, races, process)

RULES: Final[dict[str, Rule]] = {
    rule.code: rule for rule in sorted((r for family in _FAMILIES for r in family.RULES), key=lambda rule: rule.code)
}
CHECKS: Final[tuple[Callable[[Code], Iterator[Remark]], ...]] = tuple(family.check for family in _FAMILIES)
