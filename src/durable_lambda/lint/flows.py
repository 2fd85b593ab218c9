"""Whether a value may differ between the first run and a replay: follows it back to a clock, to chance, to a set's order.

What an operation gives is recorded, so nothing goes through one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.outside import chance_in, clock_read_by, environment_in, stopwatch_read_by
from durable_lambda.lint.ordering import is_set
from durable_lambda.lint.scopes import Binding
from durable_lambda.lint.syntax import Function, returns_of
from durable_lambda.lint.values import Coroutine, Local

_DEPTH: Final = 8
_OF_THIS_PROCESS: Final = {"builtins.id", "builtins.hash"}
_OF_THIS_INVOCATION: Final = {
    "durable_lambda.DurableContext().is_replaying",
    "durable_lambda.DurableContext().remaining_time",
}
_ORDER_MATTERS: Final = {"builtins.str", "builtins.repr", "builtins.next", "builtins.list", "builtins.tuple"}


def what_changes(node: ast.expr, code: Code) -> str | None:
    """What in an expression is another on a replay, as it is written; `None` if nothing that can be told."""
    return next(_changing(node, code, 0, set()), None)


def _changing(node: ast.expr, code: Code, depth: int, seen: set[ast.AST]) -> Iterator[str]:
    if depth > _DEPTH or node in seen:
        return
    seen.add(node)
    if node in code.regions.operations:
        return
    if (found := _itself(node, code)) is not None:
        yield found
        return
    if isinstance(node, ast.Lambda):
        return
    for inside in _inside(node, code):
        yield from _changing(inside, code, depth, seen)
    if isinstance(node, ast.Name):
        for value in _values(node, code):
            yield from _changing(value, code, depth + 1, seen)


def _itself(node: ast.expr, code: Code) -> str | None:
    resolver = code.resolver
    if (found := environment_in(node, resolver)) is not None:
        return f"`{found}`"
    if isinstance(node, ast.Attribute) and resolver.path(node) in _OF_THIS_INVOCATION:
        return f"`ctx.{node.attr}`"
    if isinstance(node, ast.FormattedValue) and is_set(node.value, code.resolver):
        return "the order of a set"
    if not isinstance(node, ast.Call):
        return None
    for find in (clock_read_by, stopwatch_read_by, chance_in):
        if (found := find(node, resolver)) is not None:
            return f"`{found}()`"
    path = resolver.path(node.func)
    if path in _OF_THIS_PROCESS:
        return f"`{path.removeprefix('builtins.')}()`"
    is_join = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    if (is_join or path in _ORDER_MATTERS) and any(
        is_set(each, resolver) or _is_iter_of_set(each, code) for each in node.args
    ):
        return "the order of a set"
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr == "pop"
        and not node.args
        and is_set(node.func.value, resolver)
    ):
        return "the order of a set"
    return None


def _is_iter_of_set(node: ast.expr, code: Code) -> bool:
    is_call = isinstance(node, ast.Call) and code.resolver.path(node.func) == "builtins.iter" and node.args
    return isinstance(node, ast.Call) and bool(is_call) and is_set(node.args[0], code.resolver)


def _inside(node: ast.expr, code: Code) -> Iterator[ast.expr]:
    """The expressions that a value is made of; of a call of this file's functions, what these return."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.keyword):
            yield child.value
        elif isinstance(child, ast.comprehension):
            yield child.iter
    if isinstance(node, ast.Call):
        for value in code.resolver.resolve(node.func):
            function: Function | None = value.node if isinstance(value, (Local, Coroutine)) else None
            if function is not None:
                yield from returns_of(function, code.syntax)


def _values(node: ast.Name, code: Code) -> Iterator[ast.expr]:
    home = code.scopes.of[node].lookup(node.id)
    bindings: list[Binding] = home.bindings[node.id] if home is not None else []
    for binding in bindings:
        if binding.kind in ("value", "augment") and binding.value is not None:
            yield binding.value
