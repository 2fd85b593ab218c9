"""What a call runs of the same file: functions, methods, constructors, properties; and what decorators leave of it."""

from __future__ import annotations

import ast
from typing import Final

from durable_lambda.lint.resolver import Resolver
from durable_lambda.lint.syntax import DEFINITIONS, Function
from durable_lambda.lint.values import Class, Instance, Local

_DECORATORS_THAT_KEEP: Final = (
    "functools.",
    "contextlib.",
    "typing.",
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.property",
    "abc.",
    "durable_lambda.",
)
_PROPERTIES: Final = ("builtins.property", "functools.cached_property")
_CALLS_ITS_ARGUMENTS: Final = {
    *(f"builtins.{name}" for name in ("map", "filter", "sorted", "min", "max")),
    *(f"functools.{name}" for name in ("reduce", "cmp_to_key")),
    *(f"itertools.{name}" for name in ("accumulate", "groupby", "takewhile", "dropwhile", "filterfalse", "starmap")),
}


def called_by(call: ast.Call, resolver: Resolver) -> list[Local]:
    """The functions of this file that a call runs."""
    found: list[Local] = []
    for value in resolver.resolve(call.func):
        if isinstance(value, Local):
            found.append(value)
        elif isinstance(value, Class):
            found += method(value.node, "__init__", resolver) + method(value.node, "__post_init__", resolver)
        elif isinstance(value, Instance):
            found += method(value.node, "__call__", resolver)
    return found


def called_through(call: ast.Call, resolver: Resolver) -> list[Local]:
    """The functions of this file that are handed to something like `sorted`, which calls them at once."""
    if not set(resolver.paths(call.func)) & _CALLS_ITS_ARGUMENTS:
        return []
    arguments = (*call.args, *(keyword.value for keyword in call.keywords))
    return [local for argument in arguments for local in resolver.functions(argument)]


def read_by(node: ast.Attribute, resolver: Resolver) -> list[Local]:
    """The properties of this file that an attribute runs."""
    found = [
        m for v in resolver.resolve(node.value) if isinstance(v, Instance) for m in method(v.node, node.attr, resolver)
    ]
    return [local for local in found if any(resolver.path(d) in _PROPERTIES for d in _decorators(local.node))]


def method(owner: ast.ClassDef, name: str, resolver: Resolver) -> list[Local]:
    """The method that a class has by a name, its own or one that it inherits in this file."""
    for each in resolver.lineage(owner):
        functions = [b.node for b in resolver.attributes(each).get(name, []) if b.kind == "function"]
        if functions:
            return [Local(function, 1) for function in functions if isinstance(function, DEFINITIONS)]
    return []


def is_plain(function: Function, resolver: Resolver) -> bool:
    """Whether calling it runs its body, as far as its decorators tell: one of the user's may make it a step."""
    for decorator in _decorators(function):
        path = resolver.path(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if path is None or not path.startswith(_DECORATORS_THAT_KEEP):
            return False
    return True


def _decorators(function: Function) -> list[ast.expr]:
    return function.decorator_list if isinstance(function, DEFINITIONS) else []
