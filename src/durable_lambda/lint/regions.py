"""Which functions of a file are durable code, which run in a step, and which parameters are contexts.

Durable code is what a replay runs again: a handler, what an operation runs with a context of its own, and what they
call in the same file. It is found by following calls from the handlers until nothing new is found; a function that is
called with a context learns that its parameter is one. A function without such a way to it is not durable code, and
nothing is said of it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

from durable_lambda.lint.calls import called_by, called_through, is_plain, read_by
from durable_lambda.lint.operations import Operation, Use, operation_of, uses_of
from durable_lambda.lint.resolver import Resolver
from durable_lambda.lint.syntax import DEFINITIONS, Function, Syntax, arguments_of, name_of, run_by
from durable_lambda.lint.values import Context, Local, Saga
from durable_lambda.lint.vocabulary import CONTEXTS

_PASSES: Final = 50


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a function is durable code."""

    caller: Function | None
    """Who calls it; `None` for a handler and for what an operation runs."""
    line: int


class Regions:
    """The durable code and the step bodies of a file."""

    def __init__(self, syntax: Syntax, resolver: Resolver) -> None:
        self.syntax = syntax
        self.resolver = resolver
        self.durable: dict[Function, Reason] = {}
        self._handlers: set[Function] = set()
        self.bodies: dict[Function, ast.expr] = {}
        """What runs in a step, and where a step says so or a body calls it."""
        self.uses: list[tuple[Operation, Use]] = []
        self._seeds()
        self._spread()
        annotated = [f for f in self.durable if self.durable[f].line < 0]
        mistaken = [function for function in annotated if function in self.bodies]
        if mistaken:  # a context in its signature does not make a step's body durable code
            self.durable.clear()
            self._seeds(without=mistaken)
            self._spread()
        self.bodies = {function: node for function, node in self.bodies.items() if function not in self.durable}
        self.operations = self._operations()
        self.performing = self._performing()

    # Where durable code begins

    def _seeds(self, without: list[Function] | None = None) -> None:
        for function in self.syntax.functions:
            if isinstance(function, DEFINITIONS) and self._is_handler(function):
                self._take_handler(function)
            elif function not in (without or []) and self._is_annotated(function):
                self.durable[function] = Reason(None, -1)
        for node in ast.walk(self.syntax.tree):
            if isinstance(node, ast.Call) and node.args and self._makes_handler(node.func):
                for local in self.resolver.functions(node.args[0]):
                    self._take_handler(local.node)

    def _is_handler(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        for decorator in function.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self.resolver.path(target) == "durable_lambda.durable_execution":
                return True
        owner = self.syntax.class_of(function)
        return owner is not None and function.name == "handle" and self._is_durable_class(owner)

    def _is_durable_class(self, owner: ast.ClassDef) -> bool:
        return any(
            self.resolver.path(base.value if isinstance(base, ast.Subscript) else base)
            == "durable_lambda.DurableHandler"
            for each in self.resolver.lineage(owner)
            for base in each.bases
        )

    def _makes_handler(self, node: ast.expr) -> bool:
        path = self.resolver.path(node)
        return path in {
            "durable_lambda.durable_execution",
            "durable_lambda.durable_execution()",
            "durable_lambda.Handler",
            "durable_lambda.Handler.builder",
            "durable_lambda.serve_lambda",
        }

    def _is_annotated(self, function: Function) -> bool:
        return self.resolver.takes_context(function) and self.syntax.class_of(function) not in self._context_classes()

    def _context_classes(self) -> list[ast.ClassDef]:
        """The SDK's own classes of contexts, where this file is the one that defines them."""
        return [n for n in self.syntax.tree.body if isinstance(n, ast.ClassDef) and n.name in CONTEXTS]

    def _take_handler(self, function: Function) -> None:
        self.durable[function] = Reason(None, function.lineno)
        self._handlers.add(function)
        required = arguments_of(function)[1 if self.syntax.class_of(function) is not None else 0 :]
        if len(required) >= 2:
            self._mark(required[1], Context(isinstance(function, ast.AsyncFunctionDef)))

    # What it leads to

    def _spread(self) -> None:
        for _ in range(_PASSES):
            before = (len(self.durable), len(self.bodies), self._marks)
            self.uses = []
            for function in list(self.durable):
                for node in self.syntax.own(function):
                    self._follow(function, node)
            for function in list(self.bodies):
                for node in self.syntax.own(function) if function not in self.durable else []:
                    self._follow_in_body(node)
            for function in self.syntax.functions:
                self._take_closure(function)
            if (len(self.durable), len(self.bodies), self._marks) == before:
                return

    _marks = 0

    def _mark(self, parameter: ast.arg, context: Context | Saga) -> None:
        self._marks += self.resolver.mark_context(parameter, context)

    def _follow(self, function: Function, node: ast.AST) -> None:
        """What one node of durable code runs."""
        operation = operation_of(node, self.resolver)
        if operation is not None:
            for use in uses_of(operation, self.resolver):
                self.uses.append((operation, use))
                self._take(use, operation)
        elif isinstance(node, ast.Call):
            for local in called_by(node, self.resolver):
                self._take_call(local, node, function)
                self._pass_contexts(local, node)
            for local in called_through(node, self.resolver):
                self._take_call(local, node, function)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            for local in read_by(node, self.resolver):
                self._take_call(local, node, function)

    def _take(self, use: Use, operation: Operation) -> None:
        function = use.function.node
        if use.role == "body":
            self.bodies.setdefault(function, use.node)
            return
        self.durable.setdefault(function, Reason(None, use.node.lineno))
        arguments = arguments_of(function)
        if use.role == "child" and arguments and not self.resolver.contexts_of(function):
            place = use.given if 0 <= use.given < len(arguments) else len(arguments) - 1
            is_async = True if isinstance(function, ast.AsyncFunctionDef) else operation.is_async
            self._mark(arguments[place], Context(is_async))

    def _take_call(self, local: Local, node: ast.expr, caller: Function) -> None:
        if is_plain(local.node, self.resolver):
            self.durable.setdefault(local.node, Reason(caller, node.lineno))

    def _pass_contexts(self, local: Local, call: ast.Call) -> None:
        """A parameter that is given a context, or a saga, is one."""
        if not is_plain(local.node, self.resolver):
            return
        arguments = arguments_of(local.node)
        named = {argument.arg: argument for argument in (*arguments, *local.node.args.kwonlyargs)}
        if local.bound >= 0:
            for place, value in enumerate(call.args, local.bound):
                if isinstance(value, ast.Starred):
                    break
                if place < len(arguments):
                    self._pass_context(arguments[place], value)
        for keyword in call.keywords:
            if keyword.arg in named:
                self._pass_context(named[keyword.arg], keyword.value)

    def _pass_context(self, parameter: ast.arg, value: ast.expr) -> None:
        values = self.resolver.resolve(value)
        if len(values) == 1 and isinstance(values[0], (Context, Saga)):
            self._mark(parameter, values[0])

    def _follow_in_body(self, node: ast.AST) -> None:
        """What a step's body calls runs in the step too."""
        if isinstance(node, ast.Call) and operation_of(node, self.resolver) is None:
            for local in called_by(node, self.resolver):
                if is_plain(local.node, self.resolver):
                    self.bodies.setdefault(local.node, node.func)
                    self._pass_contexts(local, node)

    def _take_closure(self, function: Function) -> None:
        """A function inside durable code that calls operations of its context is durable code, if it is no body."""
        if function in self.durable or function in self.bodies:
            return
        outside = self.syntax.function_of(function)
        if outside in self.durable and any(operation_of(node, self.resolver) for node in self.syntax.own(function)):
            self.durable[function] = Reason(None, -1)

    # What the rules ask

    def _operations(self) -> dict[ast.AST, Operation]:
        found: dict[ast.AST, Operation] = {}
        for function in (*self.durable, *self.bodies):
            for node in self.syntax.own(function):
                if (operation := operation_of(node, self.resolver)) is not None:
                    found[node] = operation
        return found

    def _performing(self) -> set[Function]:
        """Functions that call operations, themselves or in what they call."""
        found: set[Function] = set()
        size = -1
        while len(found) != size:
            size = len(found)
            for function in (*self.durable, *self.bodies):
                if function not in found and any(self._performs(n, found) for n in self.syntax.own(function)):
                    found.add(function)
        return found

    def _performs(self, node: ast.AST, known: set[Function]) -> bool:
        operation = self.operations.get(node)
        if operation is not None:
            return operation.is_operation
        return isinstance(node, ast.Call) and any(local.node in known for local in called_by(node, self.resolver))

    def performs(self, node: ast.AST) -> bool:
        """Whether a node itself is an operation, or a call of a function of this file that calls some."""
        return self._performs(node, self.performing)

    def is_handler(self, function: Function) -> bool:
        """Whether a function is what an execution begins with, and not what it calls."""
        return function in self._handlers

    def carries(self, node: ast.expr, depth: int = 0) -> bool:
        """Whether an expression is made of operations: calls them, or names what did."""
        for each in run_by(node):
            if self.performs(each):
                return True
            if isinstance(each, ast.Name) and depth < 4 and self._names_operations(each, depth):
                return True
        return False

    def _names_operations(self, name: ast.Name, depth: int) -> bool:
        home = self.resolver.scopes.of[name].lookup(name.id)
        if home is None or home.node not in self.durable:
            return False
        values = [b.value for b in home.bindings[name.id] if b.kind in ("value", "augment") and b.value is not None]
        values = [value for value in values if not isinstance(value, ast.Await)]
        for node in self.syntax.own(home.node) if isinstance(home.node, (ast.Lambda, *DEFINITIONS)) else []:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append" | "add"), args=[element]):
                    values += [element] if owner == name.id and not isinstance(element, ast.Await) else []
                case _:
                    pass
        return any(self.carries(value, depth + 1) for value in values)

    def way_to(self, function: Function) -> str:
        """For a message: how durable code comes to a function that is no handler."""
        reason = self.durable.get(function)
        if reason is None or reason.caller is None:
            return ""
        return f" (in {name_of(function)}, called by {name_of(reason.caller)} on line {reason.line})"
