"""Which name is bound to what, scope by scope: imports, assignments, parameters, functions, loops.

Built in one pass without recursion, so that no file is too deep. What a name is bound to is kept as it is written;
`resolver` says what it means.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from durable_lambda.lint.syntax import COMPREHENSIONS, DEFINITIONS, FUNCTIONS, all_arguments_of

Kind: TypeAlias = Literal["import", "value", "augment", "element", "entered", "parameter", "function", "class", "other"]


@dataclass(eq=False, slots=True)
class Binding:
    """One way in which a name gets its value."""

    kind: Kind
    node: ast.AST
    """The import, the target, the parameter, the definition."""
    value: ast.expr | None = None
    """What is assigned, iterated over or entered."""
    place: int | None = None
    """The position in `value` when that is unpacked; -1 where it is nested or starred."""
    annotation: ast.expr | None = None
    path: str = ""
    """Of an import: the dotted name."""


@dataclass(eq=False, slots=True)
class Scope:
    """A module, a class, a function or a comprehension."""

    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    declared: dict[str, str] = field(default_factory=dict[str, str])
    """Names that are `global` or `nonlocal` here."""

    def bind(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)

    def lookup(self, name: str) -> Scope | None:
        """The scope whose name this is, seen from code in this one; `None` for a builtin."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope
            scope = scope.parent
        return None


class Scopes:
    """All scopes of a file, and the scope that each node is in."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.of: dict[ast.AST, Scope] = {}
        self.made_by: dict[ast.AST, Scope] = {tree: self.module}
        self._stack: list[tuple[ast.AST, Scope]] = [(tree, self.module)]
        while self._stack:
            node, scope = self._stack.pop()
            self.of[node] = scope
            self._visit(node, scope)
        for scope in self.made_by.values():
            _move_declared(scope, self.module)

    def place(self, node: ast.expr, scope: Scope) -> None:
        """Put an expression that was parsed later, such as an annotation in quotes, into a scope."""
        for each in ast.walk(node):
            self.of[each] = scope

    def _push(self, scope: Scope, *nodes: ast.AST | None) -> None:
        self._stack += [(node, scope) for node in reversed(nodes) if node is not None]

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, FUNCTIONS):
            self._visit_function(node, scope)
        elif isinstance(node, ast.ClassDef):
            scope.bind(node.name, Binding("class", node))
            inside = self.made_by[node] = Scope(node, scope)
            self._push(scope, *node.decorator_list, *node.bases, *node.keywords)
            self._push(inside, *node.body)
        elif isinstance(node, COMPREHENSIONS):
            self._visit_comprehension(node, scope)
        else:
            self._bind(node, scope)
            self._push(scope, *ast.iter_child_nodes(node))

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> None:
        inside = self.made_by[node] = Scope(node, scope)
        for argument in all_arguments_of(node):
            inside.bind(argument.arg, Binding("parameter", argument, annotation=argument.annotation))
            self._push(scope, argument.annotation)
        self._push(scope, *node.args.defaults, *node.args.kw_defaults)
        if isinstance(node, DEFINITIONS):
            scope.bind(node.name, Binding("function", node))
            self._push(scope, *node.decorator_list, node.returns)
            self._push(inside, *node.body)
        else:
            self._push(inside, node.body)

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope
    ) -> None:
        inside = self.made_by[node] = Scope(node, scope)
        for number, generator in enumerate(node.generators):
            self.of[generator] = inside
            _bind_target(inside, "element", generator.target, generator.iter)
            self._push(scope if number == 0 else inside, generator.iter)
            self._push(inside, generator.target, *generator.ifs)
        self._push(inside, *([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]))

    def _bind(self, node: ast.AST, scope: Scope) -> None:  # noqa: PLR0912  # a case for each way to bind
        match node:
            case ast.Import():
                for alias in node.names:
                    path = alias.name if alias.asname else alias.name.split(".")[0]
                    scope.bind(alias.asname or path, Binding("import", node, path=path))
            case ast.ImportFrom():
                origin = "." * node.level + (f"{node.module}." if node.module else "")
                for alias in node.names:
                    scope.bind(alias.asname or alias.name, Binding("import", node, path=origin + alias.name))
            case ast.Assign():
                for target in node.targets:
                    _bind_target(scope, "value", target, node.value)
            case ast.AnnAssign(target=ast.Name(id=name)):
                scope.bind(name, Binding("value", node.target, node.value, annotation=node.annotation))
            case ast.AugAssign(target=ast.Name(id=name)):
                scope.bind(name, Binding("augment", node.target, node.value))
            case ast.NamedExpr(target=ast.Name(id=name)):
                while isinstance(scope.node, COMPREHENSIONS) and scope.parent is not None:
                    scope = scope.parent
                scope.bind(name, Binding("value", node.target, node.value))
            case ast.For() | ast.AsyncFor():
                _bind_target(scope, "element", node.target, node.iter)
            case ast.withitem() if node.optional_vars is not None:
                _bind_target(scope, "entered", node.optional_vars, node.context_expr)
            case ast.Global() | ast.Nonlocal():
                kind = "global" if isinstance(node, ast.Global) else "nonlocal"
                scope.declared.update(dict.fromkeys(node.names, kind))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                scope.bind(name, Binding("other", node))
            case ast.MatchMapping(rest=str(name)):
                scope.bind(name, Binding("other", node))
            case _:
                pass


def _bind_target(scope: Scope, kind: Kind, target: ast.expr, value: ast.expr) -> None:
    """Bind each name in a target, which may be unpacked."""
    stack: list[tuple[ast.expr, int | None]] = [(target, None)]
    while stack:
        node, place = stack.pop()
        if isinstance(node, ast.Name):
            scope.bind(node.id, Binding(kind, node, value, place))
        elif isinstance(node, ast.Starred):
            stack.append((node.value, -1))
        elif isinstance(node, (ast.Tuple, ast.List)):
            is_plain = place is None and not any(isinstance(each, ast.Starred) for each in node.elts)
            stack += [(each, number if is_plain else -1) for number, each in enumerate(node.elts)]


def _move_declared(scope: Scope, module: Scope) -> None:
    """What is `global` or `nonlocal` is bound where it belongs."""
    for name, kind in scope.declared.items():
        bindings = scope.bindings.pop(name, [])
        home = module if kind == "global" else scope.parent.lookup(name) if scope.parent is not None else None
        if home is not None:
            for binding in bindings:
                home.bind(name, binding)
