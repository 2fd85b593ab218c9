"""A parsed file, and the ways through it that the rules take: to parents, and through what one function itself runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias, TypeVar

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While
Try: TypeAlias = ast.Try | ast.TryStar

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

N = TypeVar("N", bound=ast.AST)


class Syntax:
    """The tree of a file, with its parents."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents: dict[ast.AST, ast.AST] = {}
        self.functions: list[Function] = []
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                self.functions.append(node)
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
        self._own: dict[ast.AST, list[ast.AST]] = {}

    def own(self, function: Function) -> list[ast.AST]:
        """What a function itself runs, in the order of the text: not what functions in it do, but their defaults."""
        if function not in self._own:
            body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
            self._own[function] = [node for statement in body for node in run_by(statement)]
        return self._own[function]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Its parents, the nearest first, up to the function that runs it."""
        while (parent := self.parents.get(node)) is not None:
            if isinstance(parent, FUNCTIONS) and _is_run_inside(parent, node):
                return
            yield parent
            node = self._out_of_defaults(parent, node)

    def function_of(self, node: ast.AST) -> Function | None:
        """The function that runs a node."""
        while (parent := self.parents.get(node)) is not None:
            if isinstance(parent, FUNCTIONS) and _is_run_inside(parent, node):
                return parent
            node = self._out_of_defaults(parent, node)
        return None

    def _out_of_defaults(self, parent: ast.AST, node: ast.AST) -> ast.AST:
        """Where to go on: a default belongs to whoever runs the definition."""
        if isinstance(parent, ast.arguments) and node in (*parent.defaults, *parent.kw_defaults):
            return self.parents[parent]
        return parent

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """The class that a method is defined in."""
        parent = self.parents.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None


def run_by(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in the order of the text, but for the insides of functions and classes in it."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        below = list(ast.iter_child_nodes(node))
        if isinstance(node, FUNCTIONS):
            below = [child for child in below if not _is_run_inside(node, child)]
            below += [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
        stack += reversed(below)


def _is_run_inside(function: Function, child: ast.AST) -> bool:
    if isinstance(function, ast.Lambda):
        return child is function.body or child is function.args
    return child not in function.decorator_list and child is not function.returns


def arguments_of(function: Function) -> list[ast.arg]:
    """The parameters that take positional arguments."""
    return [*function.args.posonlyargs, *function.args.args]


def all_arguments_of(function: Function) -> list[ast.arg]:
    """Every parameter, also those that gather the rest."""
    gathering = [arg for arg in (function.args.vararg, function.args.kwarg) if arg is not None]
    return [*arguments_of(function), *function.args.kwonlyargs, *gathering]


def name_of(function: Function) -> str:
    """What a message calls a function."""
    return "a lambda" if isinstance(function, ast.Lambda) else f"`{function.name}`"


def returns_of(function: Function, syntax: Syntax) -> list[ast.expr]:
    """What a function may return."""
    if isinstance(function, ast.Lambda):
        return [function.body]
    return [n.value for n in syntax.own(function) if isinstance(n, ast.Return) and n.value is not None]


def spelled(node: ast.AST, limit: int = 60) -> str:
    """A node as it is written, on one line, cut where it is long."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
