"""Whether a value may differ on a replay: follows it back to a clock, chance, a counter, or the order of a set.

What an operation gives is recorded, so nothing goes through one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.ordering import is_set
from durable_lambda.lint.outside import chance_in, clock_read_by, environment_in, stopwatch_read_by
from durable_lambda.lint.resolver import Resolver
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
    """What changes, if it is this expression itself."""
    if (found := environment_in(node, code.resolver)) is not None:
        return f"`{found}`"
    if isinstance(node, ast.Attribute) and code.resolver.path(node) in _OF_THIS_INVOCATION:
        return f"`ctx.{node.attr}`"
    if _shows_the_order_of_a_set(node, code.resolver):
        return "the order of a set"
    if _counts_in_the_process(node, code):
        return f"`{ast.unparse(node)}`"
    return _called(node, code) if isinstance(node, ast.Call) else None


def _called(call: ast.Call, code: Code) -> str | None:
    for find in (clock_read_by, stopwatch_read_by, chance_in):
        if (found := find(call, code.resolver)) is not None:
            return f"`{found}()`"
    path = code.resolver.path(call.func)
    return f"`{path.removeprefix('builtins.')}()`" if path in _OF_THIS_PROCESS else None


def _counts_in_the_process(node: ast.expr, code: Code) -> bool:
    """Whether it is a counter of the module, which every invocation of its process moves on."""
    match node:
        case ast.Call(args=[ast.Name() as counter]) if code.resolver.path(node.func) == "builtins.next":
            return code.resolver.path(counter) == "itertools.count()" and _is_global(counter, code)
        case ast.Name() if _is_global(node, code):
            home = code.scopes.module
            return any(
                binding.kind == "augment" and code.scopes.of[binding.node] is not home
                for binding in home.bindings[node.id]
            )
        case _:
            return False


def _is_global(name: ast.Name, code: Code) -> bool:
    return code.scopes.of[name].lookup(name.id) is code.scopes.module


def _shows_the_order_of_a_set(node: ast.expr, resolver: Resolver) -> bool:
    """Whether a text, a list or an item is made of a set: formatted, joined, listed, taken out."""
    match node:
        case ast.FormattedValue(value=value):
            return is_set(value, resolver)
        case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[]):
            return is_set(owner, resolver)
        case ast.Call(func=func, args=[first, *_]):
            if resolver.path(func) not in _ORDER_MATTERS and not (
                isinstance(func, ast.Attribute) and func.attr == "join"
            ):
                return False
            if isinstance(first, ast.Call) and first.args and resolver.path(first.func) == "builtins.iter":
                first = first.args[0]
            return is_set(first, resolver)
        case _:
            return False


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
