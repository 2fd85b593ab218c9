"""What a name or an expression stands for: follows imports, assignments, attributes, partials and annotations.

A name that is bound in several places may be any of them, and all are given; what cannot be told is `None` among them.
Which parameters are contexts is found by `regions` while it goes, so it is told to the resolver, which forgets then
what it had concluded.
"""

from __future__ import annotations

import ast
import builtins
from typing import Final

from durable_lambda.lint.members import attributes_of
from durable_lambda.lint.scopes import Binding, Scope, Scopes
from durable_lambda.lint.spelling import external, instance_of, item
from durable_lambda.lint.syntax import DEFINITIONS, Function, Syntax, all_arguments_of, arguments_of, returns_of
from durable_lambda.lint.values import (
    UNKNOWN,
    Class,
    Context,
    Coroutine,
    External,
    Instance,
    Local,
    Method,
    Saga,
    Started,
    Value,
    Values,
    union,
)
from durable_lambda.lint.vocabulary import signature_of

_DEPTH: Final = 40
"""Expressions and chains of assignments deeper than this are not followed."""
_WRAPPERS: Final = {
    "typing.Optional",
    "typing.Annotated",
    "typing.Final",
    "typing.ClassVar",
    "typing_extensions.Annotated",
}
_COLLECTIONS: Final = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
}


class Resolver:
    """Answers what expressions of one file stand for."""

    def __init__(self, syntax: Syntax, scopes: Scopes) -> None:
        self.syntax = syntax
        self.scopes = scopes
        self._contexts: dict[ast.arg, Context | Saga] = {}
        self._known: dict[ast.AST, Values] = {}
        self._attributes: dict[ast.ClassDef, dict[str, list[Binding]]] = {}
        self._depth = 0

    def mark_context(self, parameter: ast.arg, context: Context | Saga) -> bool:
        """Take a parameter for a context, or a saga, from now on. Whether that is news."""
        if parameter in self._contexts:
            return False
        self._contexts[parameter] = context
        self._known.clear()
        return True

    def contexts_of(self, function: Function) -> list[ast.arg]:
        """The parameters that are contexts."""
        return [
            each for each in all_arguments_of(function) if any(isinstance(v, Context) for v in self.parameter(each))
        ]

    def takes_context(self, function: Function) -> bool:
        """Whether a parameter is annotated as a context."""
        annotations = [each.annotation for each in all_arguments_of(function) if each.annotation is not None]
        return any(isinstance(value, Context) for each in annotations for value in self.instance(each))

    def resolve(self, node: ast.expr) -> Values:
        """Everything that an expression may be."""
        if node in self._known:
            return self._known[node]
        if self._depth > _DEPTH:
            return UNKNOWN
        self._known[node] = UNKNOWN  # what is defined by itself
        self._depth += 1
        try:
            found = self._resolve(node)
        finally:
            self._depth -= 1
        self._known[node] = found
        return found

    def path(self, node: ast.expr) -> str | None:
        """The dotted path of an expression that can be nothing else."""
        values = self.resolve(node)
        return values[0].path if len(values) == 1 and isinstance(values[0], External) else None

    def paths(self, node: ast.expr) -> list[str]:
        """The dotted paths that an expression may be, if it can be nothing else."""
        values = self.resolve(node)
        found = [value.path for value in values if isinstance(value, External)]
        return found if len(found) == len(values) else []

    def functions(self, node: ast.expr) -> list[Local]:
        """The functions of this file that an expression may be."""
        return [value for value in self.resolve(node) if isinstance(value, Local)]

    def _resolve(self, node: ast.expr) -> Values:  # noqa: PLR0911, PLR0912  # a case for each kind of expression
        match node:
            case ast.Name():
                return self._name(node.id, self.scopes.of[node])
            case ast.Attribute():
                return union(*(self._attribute(value, node.attr) for value in self.resolve(node.value)))
            case ast.Call():
                return union(*(self._call(value, node) for value in self.resolve(node.func)))
            case ast.Await():
                return union(*(self._awaited(value) for value in self.resolve(node.value)))
            case ast.IfExp():
                return union(self.resolve(node.body), self.resolve(node.orelse))
            case ast.BoolOp():
                return union(*map(self.resolve, node.values))
            case ast.NamedExpr():
                return self.resolve(node.value)
            case ast.Lambda():
                return (Local(node),)
            case ast.BinOp(op=ast.Div()):
                left = self.resolve(node.left)
                return left if left == (External("pathlib.Path()"),) else UNKNOWN
            case ast.Subscript(slice=ast.Constant(value=int(place))):
                return union(*(item(value, place) for value in self.resolve(node.value)))
            case ast.Set(elts=elements) if all(
                isinstance(e, ast.Constant) and isinstance(e.value, int) for e in elements
            ):
                return UNKNOWN  # small numbers keep their order: their hash is the number
            case ast.List() | ast.ListComp() | ast.Dict() | ast.DictComp() | ast.Set() | ast.SetComp():
                return (External(f"builtins.{_COLLECTIONS[type(node)]}()"),)
            case _:
                return UNKNOWN

    def _name(self, name: str, scope: Scope) -> Values:
        home = scope.lookup(name)
        if home is None:
            return (External(f"builtins.{name}"),) if hasattr(builtins, name) else UNKNOWN
        return union(*(self.bound(binding) for binding in home.bindings[name] if binding.kind != "augment"))

    def bound(self, binding: Binding) -> Values:  # noqa: PLR0911  # a case for each kind
        """Everything that a name may be because of one of its bindings."""
        match binding.kind:
            case "import":
                return (external(binding.path),)
            case "parameter" if isinstance(binding.node, ast.arg):
                return self.parameter(binding.node)
            case "function" if isinstance(binding.node, DEFINITIONS):
                return (Local(binding.node),)
            case "class" if isinstance(binding.node, ast.ClassDef):
                return (Class(binding.node),)
            case "value":
                return self._assigned(binding)
            case "entered" if binding.value is not None and binding.place is None:
                return tuple(
                    v if isinstance(v, (External, Saga, Instance)) else None for v in self.resolve(binding.value)
                )
            case _:
                return UNKNOWN

    def _assigned(self, binding: Binding) -> Values:
        if binding.annotation is not None:
            meant = self.instance(binding.annotation)
            if meant != UNKNOWN:
                return meant
        if binding.value is None or binding.place == -1:
            return UNKNOWN
        if binding.place is None:
            return self.resolve(binding.value)
        if isinstance(binding.value, (ast.Tuple, ast.List)):
            elements = binding.value.elts
            if binding.place < len(elements) and not any(isinstance(each, ast.Starred) for each in elements):
                return self.resolve(elements[binding.place])
            return UNKNOWN
        return union(*(item(value, binding.place) for value in self.resolve(binding.value)))

    def parameter(self, parameter: ast.arg) -> Values:
        """What a parameter may be: a context, `self`, or what it is annotated with."""
        if parameter in self._contexts:
            return (self._contexts[parameter],)
        function = self.syntax.parents[self.syntax.parents[parameter]]
        owner = self.syntax.class_of(function)
        if owner is not None and isinstance(function, DEFINITIONS) and parameter in arguments_of(function)[:1]:
            decorators = {self.path(decorator) for decorator in function.decorator_list}
            if "builtins.classmethod" in decorators:
                return (Class(owner),)
            if "builtins.staticmethod" not in decorators:
                return (Instance(owner),)
        if parameter.annotation is None:
            return UNKNOWN
        is_async = True if isinstance(function, ast.AsyncFunctionDef) else None
        return tuple(
            Context(is_async) if isinstance(value, Context) and value.is_async is None else value
            for value in self.instance(parameter.annotation)
        )

    def instance(self, annotation: ast.expr) -> Values:
        """What something with this annotation is."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                parsed = ast.parse(annotation.value.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return UNKNOWN
            self.scopes.place(parsed, self.scopes.of[annotation])
            return UNKNOWN if isinstance(parsed, ast.Constant) else self.instance(parsed)
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
            return self.instance(sides[0]) if len(sides) == 1 else UNKNOWN
        if isinstance(annotation, ast.Subscript):
            if set(self.paths(annotation.value)) & _WRAPPERS:
                inner = annotation.slice
                return self.instance(inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
            return self.instance(annotation.value)
        return union(*(instance_of(value) for value in self.resolve(annotation)))

    def _attribute(self, value: Value | None, name: str) -> Values:
        match value:
            case External(path):
                return (external(f"{path}.{name}"),)
            case Context(is_async):
                if signature_of(name, of_saga=False) is not None:
                    return (Method(name, is_async),)
                return (External(f"durable_lambda.DurableContext().{name}"),)
            case Saga(is_async):
                return (Method(name, is_async, of_saga=True),) if signature_of(name, of_saga=True) else UNKNOWN
            case Instance(node) | Class(node):
                return self._member(node, name, of_instance=isinstance(value, Instance))
            case _:
                return UNKNOWN

    def _member(self, node: ast.ClassDef, name: str, *, of_instance: bool) -> Values:
        for each in self.lineage(node):
            bindings = self.attributes(each).get(name)
            if bindings:
                return union(*(self._bound_member(binding, of_instance=of_instance) for binding in bindings))
        return UNKNOWN

    def _bound_member(self, binding: Binding, *, of_instance: bool) -> Values:
        function = binding.node
        if binding.kind != "function" or not isinstance(function, DEFINITIONS):
            return self.bound(binding)
        decorators = {self.path(decorator) for decorator in function.decorator_list}
        if decorators & {"builtins.property", "functools.cached_property"}:
            return union(*map(self.resolve, returns_of(function, self.syntax)))
        if "builtins.staticmethod" in decorators:
            return (Local(function),)
        return (Local(function, 1 if of_instance or "builtins.classmethod" in decorators else 0),)

    def lineage(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        """A class and those of this file that it derives from, the nearest first."""
        found = [node]
        for each in found:
            for base in each.bases:
                found += [v.node for v in self.resolve(base) if isinstance(v, Class) and v.node not in found]
        return found

    def attributes(self, node: ast.ClassDef) -> dict[str, list[Binding]]:
        """What a class body binds, and what its methods assign to `self`."""
        if node not in self._attributes:
            self._attributes[node] = attributes_of(node, self.syntax, self.scopes)
        return self._attributes[node]

    def _call(self, value: Value | None, call: ast.Call) -> Values:  # noqa: PLR0911  # a case for each kind
        match value:
            case External("functools.partial") if call.args:
                return tuple(_with_arguments(each, call.args[1:]) for each in self.resolve(call.args[0]))
            case External(path):
                return (external(f"{path}()"),)
            case Class(node):
                return (Instance(node),)
            case Method("saga", is_async):
                return (Saga(is_async),)
            case Method(name, is_async, of_saga):
                signature = signature_of(name, of_saga=of_saga)
                return (Started(is_async),) if signature is not None and signature.is_operation else UNKNOWN
            case Local(node):
                if isinstance(node, ast.AsyncFunctionDef):
                    return (Coroutine(node),)
                return union(*map(self.resolve, returns_of(node, self.syntax)))
            case _:
                return UNKNOWN

    def _awaited(self, value: Value | None) -> Values:
        match value:
            case External():
                return (value,)
            case Coroutine(node):
                return union(*map(self.resolve, returns_of(node, self.syntax)))
            case _:
                return UNKNOWN


def _with_arguments(value: Value | None, arguments: list[ast.expr]) -> Value | None:
    """What a partial of a value is."""
    if not isinstance(value, Local):
        return value if isinstance(value, (External, Method)) else None
    is_known = value.bound >= 0 and not any(isinstance(each, ast.Starred) for each in arguments)
    return Local(value.node, value.bound + len(arguments) if is_known else -1)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
