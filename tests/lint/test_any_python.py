"""Whatever can be parsed can be looked at: real code, with every function made durable, and random mixtures of it."""

from __future__ import annotations

import ast
import random
import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_lambda.lint import RULES, check_source
from lint.marks import CORPUS

STDLIB = Path(sysconfig.get_paths()["stdlib"])
SAMPLE = sorted(STDLIB.glob("*.py"))[::5]


class _EverythingIsDurable(ast.NodeTransformer):
    def _decorate(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        if len(node.args.args) >= 2:
            node.decorator_list.append(ast.Name("durable_execution", ast.Load()))
        return node

    visit_FunctionDef = _decorate  # noqa: N815
    visit_AsyncFunctionDef = _decorate  # noqa: N815


def test_nothing_is_found_where_nothing_is_durable() -> None:
    assert len(SAMPLE) >= 20
    for path in SAMPLE:
        assert check_source(path.read_bytes(), str(path), selected=RULES) == []


def test_no_real_code_is_too_much_when_all_of_it_is_durable() -> None:
    findings = 0
    for path in SAMPLE[::4]:
        tree = _EverythingIsDurable().visit(ast.parse(path.read_bytes()))
        tree.body = [node for node in tree.body if getattr(node, "module", "") != "__future__"]
        source = "from durable_lambda import durable_execution\n" + ast.unparse(ast.fix_missing_locations(tree))
        findings += len(check_source(source, str(path), selected=RULES))
    assert findings > 0


def stands_alone(source: str) -> bool:
    """Whether it is an expression by itself: a starred one, a slice and a part of an f-string are not."""
    try:
        ast.parse(source, mode="eval")
    except SyntaxError:
        return False
    return True


TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in CORPUS]
EXPRESSIONS = [
    source
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.expr) and stands_alone(source := ast.unparse(node))
]
STATEMENTS = [
    ast.unparse(node)
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.stmt) and not isinstance(node, ast.ImportFrom)
]


class _Mix(ast.NodeTransformer):
    """Puts expressions and statements of the corpus where others were."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def visit(self, node: ast.AST) -> ast.AST:
        is_read = isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None), ast.Load | None)
        if is_read and self._chance.random() < 0.05:
            return ast.parse(self._chance.choice(EXPRESSIONS), mode="eval").body
        if isinstance(node, ast.stmt) and self._chance.random() < 0.1:
            return ast.parse(self._chance.choice(STATEMENTS)).body[0]
        return self.generic_visit(node)


@given(st.sampled_from(CORPUS), st.randoms(use_true_random=False))
def test_no_mixture_of_right_and_wrong_code_is_too_much(path: Path, chance: random.Random) -> None:
    mixed = _Mix(chance).visit(ast.parse(path.read_text(encoding="utf-8")))
    try:
        source = ast.unparse(ast.fix_missing_locations(mixed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, AttributeError, TypeError):
        return  # no mixture that is Python
    for finding in check_source(source, selected=RULES):
        assert finding.line <= len(source.splitlines())


@pytest.mark.parametrize(
    "expression",
    ["ctx" + ".x" * 900, "1" + " + 1" * 900, "f" + "()" * 300, "a" + "[0]" * 300],
    ids=["attributes", "sums", "calls", "subscripts"],
)
def test_an_expression_may_be_as_deep_as_the_parser_allows(expression: str) -> None:
    source = (
        f"from durable_lambda import durable_execution\n@durable_execution\nasync def f(a, ctx):\n    {expression}\n"
    )
    assert check_source(source, selected=RULES) == []


def test_names_that_are_defined_by_each_other_come_to_an_end() -> None:
    source = """
from durable_lambda import durable_execution

class A(B): x = B.x
class B(A): x = A.x
a = b = a(b)
b = a or b

def f(ctx): return g(ctx)
def g(ctx): return f(ctx)

@durable_execution
async def handler(event, ctx):
    names = names or [name for name in names]
    await ctx.step(names, f(ctx), A.x, a, b)
    for each in names | names:
        await g(ctx)
"""
    assert [finding.code for finding in check_source(source)] == []
