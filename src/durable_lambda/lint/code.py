"""One file as the rules see it: its syntax, its names, its durable code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.regions import Regions
from durable_lambda.lint.resolver import Resolver
from durable_lambda.lint.scopes import Scopes
from durable_lambda.lint.syntax import Function, Syntax


class Code:
    """A file that has been read and understood as far as its text goes."""

    def __init__(self, tree: ast.Module) -> None:
        self.syntax = Syntax(tree)
        self.scopes = Scopes(tree)
        self.resolver = Resolver(self.syntax, self.scopes)
        self.regions = Regions(self.syntax, self.resolver)

    def durable_nodes(self) -> Iterator[tuple[Function, ast.AST]]:
        """Each node that durable code runs outside of steps, with its function."""
        for function in self.regions.durable:
            for node in self.syntax.own(function):
                yield function, node

    def body_nodes(self) -> Iterator[tuple[Function, ast.AST]]:
        """Each node that runs in a step, with its function."""
        for function in self.regions.bodies:
            for node in self.syntax.own(function):
                yield function, node

    def awaiting(self, function: Function) -> str:
        """`await ` where an operation is awaited, for the right form in a message."""
        return "await " if isinstance(function, ast.AsyncFunctionDef) else ""

    def is_in_name(self, node: ast.AST) -> bool:
        """Whether it is part of an operation's name: what is wrong with a name is one rule's matter."""
        for parent in self.syntax.ancestors(node):
            operation = self.regions.operations.get(parent)
            if operation is not None:
                name = operation.name
                return name is not None and (name is node or any(a is name for a in self.syntax.ancestors(node)))
        return False
