"""The attributes of a class: what its body binds, and what its methods assign to `self`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.scopes import Binding, Scopes
from durable_lambda.lint.syntax import DEFINITIONS, Function, Syntax, arguments_of


def attributes_of(node: ast.ClassDef, syntax: Syntax, scopes: Scopes) -> dict[str, list[Binding]]:
    """Each attribute with all that it may be bound to."""
    found = {name: list(bindings) for name, bindings in scopes.made_by[node].bindings.items()}
    for method in node.body:
        if isinstance(method, DEFINITIONS) and (arguments := arguments_of(method)):
            for attribute, binding in _assigned(method, arguments[0].arg, syntax):
                found.setdefault(attribute, []).append(binding)
    return found


def _assigned(method: Function, this: str, syntax: Syntax) -> Iterator[tuple[str, Binding]]:
    for node in syntax.own(method):
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs = [(target, Binding("value", target, value)) for target in targets]
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                pairs = [(target, Binding("value", target, value, annotation=annotation))]
            case _:
                continue
        for target, binding in pairs:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == this:
                yield target.attr, binding
