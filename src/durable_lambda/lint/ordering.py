"""Whether an expression has an order that a replay may see otherwise: sets, what is made of them, listings."""

from __future__ import annotations

import ast
from typing import Final

from durable_lambda.lint.resolver import Resolver
from durable_lambda.lint.values import External

_SETS: Final = {"builtins.set()", "builtins.frozenset()", "asyncio.wait()[0]", "asyncio.wait()[1]"}
_SET_METHODS: Final = {"union", "intersection", "difference", "symmetric_difference", "copy"}
_LISTINGS: Final = {
    "os.listdir()": "a directory's listing",
    "os.scandir()": "a directory's listing",
    "glob.glob()": "a directory's listing",
    "glob.iglob()": "a directory's listing",
    "pathlib.Path().iterdir()": "a directory's listing",
    "pathlib.Path().glob()": "a directory's listing",
    "pathlib.Path().rglob()": "a directory's listing",
    "asyncio.as_completed()": "whatever is done first",
    "concurrent.futures.as_completed()": "whatever is done first",
}
_KEEP: Final = {
    f"builtins.{name}" for name in ("list", "tuple", "iter", "enumerate", "reversed", "zip", "map", "filter")
} | {
    "itertools.chain",
    "itertools.islice",
    "itertools.product",
    "itertools.permutations",
    "itertools.combinations",
    "itertools.batched",
    "itertools.zip_longest",
    "itertools.chain.from_iterable",
    "builtins.dict.fromkeys",
    "collections.deque",
}
_VIEWS: Final = {"keys", "values", "items"}
_DEPTH: Final = 12


def is_set(node: ast.expr, resolver: Resolver, depth: int = 0) -> bool:
    """Whether an expression can be nothing but a set."""
    if depth > _DEPTH:
        return False
    values = resolver.resolve(node)
    if all(isinstance(value, External) and value.path in _SETS for value in values):
        return True
    match node:
        case ast.BinOp(left=left, op=ast.Sub() | ast.BitAnd() | ast.BitXor() | ast.BitOr(), right=right):
            if is_set(left, resolver, depth + 1):
                return True
            return _is_keys(left) and (_is_keys(right) or is_set(right, resolver, depth + 1))
        case ast.Call(func=ast.Attribute(value=base, attr=attr)) if attr in _SET_METHODS:
            return is_set(base, resolver, depth + 1)
        case _:
            assigned = _only_value(node, resolver)
            return assigned is not None and is_set(assigned, resolver, depth + 1)


def unordered(node: ast.expr, resolver: Resolver, depth: int = 0) -> str | None:
    """What about an expression has no order that a replay keeps; `None` if nothing that can be told."""
    if depth > _DEPTH:
        return None
    if is_set(node, resolver):
        return "a set"
    path = resolver.path(node)
    if path in _LISTINGS:
        return _LISTINGS[path]
    for part in _parts(node, resolver):
        if (found := unordered(part, resolver, depth + 1)) is not None:
            return found
    return None


def _parts(node: ast.expr, resolver: Resolver) -> list[ast.expr]:
    """The expressions whose order an expression takes over."""
    match node:
        case ast.Call(func=ast.Attribute(value=base, attr=attr), args=[]) if attr in _VIEWS:
            return [base]
        case ast.Call(func=func, args=arguments) if resolver.path(func) in _KEEP:
            return [each.value if isinstance(each, ast.Starred) else each for each in arguments]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return [generator.iter for generator in node.generators]
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [each.value for each in elements if isinstance(each, ast.Starred)]
        case ast.IfExp():
            return [node.body, node.orelse]
        case _:
            assigned = _only_value(node, resolver)
            return [assigned] if assigned is not None else []


def _only_value(node: ast.expr, resolver: Resolver) -> ast.expr | None:
    """What a name stands for, where it is assigned once."""
    if not isinstance(node, ast.Name):
        return None
    home = resolver.scopes.of[node].lookup(node.id)
    bindings = home.bindings[node.id] if home is not None else []
    only = bindings[0] if len(bindings) == 1 else None
    return only.value if only is not None and only.kind == "value" and only.place is None else None


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "items")
