"""Calls of operations: which calls they are, what they are named, and which functions they run in what role."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from durable_lambda.lint.resolver import Resolver
from durable_lambda.lint.syntax import spelled
from durable_lambda.lint.values import Local, Method
from durable_lambda.lint.vocabulary import Signature, signature_of

Role: TypeAlias = Literal["body", "child", "pure"]
"""A step's body; durable code with a context of its own; a function that replay calls again."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A call of a context's or a saga's method."""

    call: ast.Call
    method: str
    is_async: bool | None
    signature: Signature

    @property
    def is_operation(self) -> bool:
        """Whether what it gives is awaited, in an async function."""
        return self.signature.is_operation

    @property
    def name(self) -> ast.expr | None:
        """What it is named by."""
        if not self.signature.is_named:
            return None
        named = next((keyword.value for keyword in self.call.keywords if keyword.arg == "name"), None)
        first = self.call.args[0] if self.call.args else None
        return first if first is not None and not isinstance(first, ast.Starred) else named

    @property
    def title(self) -> str:
        """What a message calls it."""
        name = self.name
        if name is None or (isinstance(name, ast.Constant) and name.value is None):
            return f"`{spelled(self.call.func)}()`"
        return f"{self.method} {spelled(name, 40)}"

    @property
    def arguments(self) -> list[ast.expr]:
        """What is given to the function that it runs: what comes after that in its arguments."""
        run = self.signature.body or self.signature.child
        return self.call.args[run[0] + 1 :] if run is not None else []


@dataclass(frozen=True, slots=True)
class Use:
    """A function that an operation runs."""

    function: Local
    role: Role
    given: int
    """Positional arguments before the context; -1 where nobody can tell."""
    node: ast.expr
    """Where it is named."""


def operation_of(node: ast.AST, resolver: Resolver) -> Operation | None:
    """The operation that a node calls, if it can be nothing else."""
    if not isinstance(node, ast.Call):
        return None
    values = resolver.resolve(node.func)
    if not values or not isinstance(values[0], Method) or not all(isinstance(value, Method) for value in values):
        return None
    method = values[0]
    signature = signature_of(method.name, of_saga=method.of_saga)
    return None if signature is None else Operation(node, method.name, method.is_async, signature)


def uses_of(operation: Operation, resolver: Resolver) -> Iterator[Use]:
    """The functions of this file that an operation runs."""
    signature, call = operation.signature, operation.call
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    if signature.body is not None:
        yield from _named(_argument(call, keywords, signature.body), "body", 0, resolver)
    for name in signature.bodies:
        yield from _named(keywords.get(name), "body", 0, resolver)
    for name in signature.pure:
        yield from _named(keywords.get(name), "pure", 0, resolver)
    if signature.child is not None:
        is_starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        given = 1 if operation.method == "map" else -1 if is_starred else len(operation.arguments)
        yield from _named(_argument(call, keywords, signature.child), "child", given, resolver)
    if signature.keyword_branches:
        for branch in keywords.values():
            yield from _named(branch, "child", 0, resolver)
    if signature.branches:
        for branch in branches_in(_argument(call, keywords, (1, "branches")), resolver):
            yield from _named(branch, "child", 0, resolver)


def branches_in(node: ast.expr | None, resolver: Resolver, depth: int = 0) -> Iterator[ast.expr]:
    """The elements of a list or dict of functions, as far as they are written somewhere in the file."""
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            yield from elements
        case ast.Dict(values=values):
            yield from values
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.DictComp(value=element):
            yield element
        case ast.BinOp(left=left, right=right):
            yield from branches_in(left, resolver, depth + 1)
            yield from branches_in(right, resolver, depth + 1)
        case ast.Call(args=[argument, *_]) if resolver.path(node.func) in ("builtins.list", "builtins.tuple"):
            yield from branches_in(argument, resolver, depth + 1)
        case ast.Name(id=name) if depth < 5 and (home := resolver.scopes.of[node].lookup(name)) is not None:
            for binding in home.bindings[name]:
                if binding.kind == "value" and binding.place is None:
                    yield from branches_in(binding.value, resolver, depth + 1)
            yield from _added(name, home.node, resolver)
        case _:
            pass


def _added(name: str, scope: ast.AST, resolver: Resolver) -> Iterator[ast.expr]:
    """What `name.append(…)` and `name[key] = …` put into a collection, in the function that has it."""
    if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for node in resolver.syntax.own(scope):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append"), args=[element]) if owner == name:
                yield element
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=owner))], value=element) if owner == name:
                yield element
            case _:
                pass


def _argument(call: ast.Call, keywords: dict[str, ast.expr], place: tuple[int, str]) -> ast.expr | None:
    position, keyword = place
    before = call.args[: position + 1]
    if len(before) > position and not any(isinstance(argument, ast.Starred) for argument in before):
        return before[position]
    return keywords.get(keyword)


def _named(node: ast.expr | None, role: Role, given: int, resolver: Resolver) -> Iterator[Use]:
    if node is None:
        return
    for function in resolver.functions(node):
        yield Use(function, role, given if given < 0 or function.bound < 0 else given + function.bound, node)
