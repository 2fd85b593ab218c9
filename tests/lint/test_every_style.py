"""Each rule in each style of handler: what is wrong in a decorated function is wrong in a class and a wrapped one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_lambda.lint import RULES
from lint.marks import CORPUS, found

PAIRS = [path for path in CORPUS if path.stem.startswith("dur")]
Handler = ast.FunctionDef | ast.AsyncFunctionDef


def is_decorated(node: ast.stmt) -> bool:
    return isinstance(node, Handler) and any("durable_execution" in ast.unparse(each) for each in node.decorator_list)


def as_class(handler: Handler) -> list[ast.stmt]:
    """A `DurableHandler` whose method it is."""
    handler.args.args.insert(0, ast.arg("self"))
    name, handler.name, handler.decorator_list = handler.name, "handle", []
    base = ast.parse("import durable_lambda\nclass C(durable_lambda.DurableHandler): pass").body
    base[1].name, base[1].body = name, [handler]  # type: ignore[attr-defined]
    return base


def wrapped(call: str) -> Callable[[Handler], list[ast.stmt]]:
    def wrap(handler: Handler) -> list[ast.stmt]:
        handler.decorator_list = []
        return [handler, *ast.parse(f"import durable_lambda\nh = {call.format(handler.name)}").body]

    return wrap


STYLES: dict[str, Callable[[Handler], list[ast.stmt]]] = {
    "class": as_class,
    "wrapped": wrapped("durable_lambda.Handler({})"),
    "builder": wrapped("durable_lambda.Handler.builder({}).build()"),
}


def in_style(source: str, style: str) -> str:
    """A file with its decorated functions in another style."""
    tree = ast.parse(source)
    tree.body = [
        new
        for node in tree.body
        for new in (STYLES[style](node) if is_decorated(node) else [node])  # type: ignore[arg-type]
    ]
    return ast.unparse(ast.fix_missing_locations(tree))


def codes(source: str, code: str) -> Counter[str]:
    return Counter(each for (_, each), count in found(source, code).items() for _ in range(count))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_a_rule_finds_the_same_in_every_style(path: Path, style: str) -> None:
    source = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
    code = path.stem.partition("_")[0].upper()
    assert code in RULES

    assert codes(in_style(source, style), code) == codes(source, code)
