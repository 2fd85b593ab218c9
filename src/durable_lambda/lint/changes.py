"""What a statement or a call changes, rather than makes: names that are bound anew, items, attributes, collections."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.values import Instance

_CHANGERS: Final = {
    "builtins.list()": "append extend insert remove pop clear sort reverse",
    "builtins.dict()": "update setdefault pop popitem clear",
    "builtins.set()": "add discard remove pop clear update difference_update intersection_update",
    "collections.deque()": "append appendleft extend extendleft pop popleft clear remove rotate",
    "collections.Counter()": "update subtract clear pop",
    "collections.defaultdict()": "update setdefault pop popitem clear",
    "collections.OrderedDict()": "update setdefault pop popitem clear move_to_end",
}


def changed_by(node: ast.AST, code: Code) -> Iterator[tuple[ast.expr, bool]]:
    """What a node changes, and whether a name itself is bound anew."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            pass
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            targets = [target]
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if _is_changer(owner, attr, code):
            yield owner, False
            return
        case _:
            return
    for target in targets:
        for each in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
            yield (each.value, False) if isinstance(each, ast.Subscript) else (each, True)


def _is_changer(owner: ast.expr, attr: str, code: Code) -> bool:
    paths = code.resolver.paths(owner)
    return bool(paths) and all(attr in _CHANGERS.get(path, "").split() for path in paths)


def instance_of(node: ast.expr, code: Code) -> ast.ClassDef | None:
    """The class of this file whose instance a name stands for: that of `self`, say."""
    if not isinstance(node, ast.Name):
        return None
    values = code.resolver.resolve(node)
    only = values[0] if len(values) == 1 else None
    return only.node if isinstance(only, Instance) else None


def is_only_written(node: ast.expr, code: Code) -> bool:
    """Whether it is there to be changed: `items.append(…)` and `counts[key] = …`, whose own value nobody reads."""
    parent = code.syntax.parents[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return not isinstance(parent.ctx, ast.Load)
    if not isinstance(parent, ast.Attribute) or not _is_changer(node, parent.attr, code):
        return False
    call = code.syntax.parents[parent]
    return isinstance(call, ast.Call) and call.func is parent and isinstance(code.syntax.parents[call], ast.Expr)
