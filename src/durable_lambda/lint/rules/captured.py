"""What a step's body, or a child context, changes outside of itself, and durable code reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.changes import changed_by, instance_of, is_only_written
from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.operations import Operation
from durable_lambda.lint.scopes import Scope
from durable_lambda.lint.syntax import FUNCTIONS, Function
from durable_lambda.lint.values import Context

CAPTURED = Rule(
    "DUR006",
    "captured-state",
    """\
A step's body runs once. On a replay its recorded result is given and the body is not run, so what it changed outside
of itself is not changed: a list stays empty, a counter stays at zero, and the function goes another way. Return the
value from the step.

Found is what a body does to a variable of the durable function around it, and to a global or an attribute of `self`
that durable code of the same file reads. A child context, a branch or an item of a `map` that is done is not run again
either, so the same is found there, where the code around it reads what was changed; `virtual=True` keeps no record, and
is always run.""",
    """\
from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: None, ctx: DurableContext) -> int:
    total = 0

    async def add() -> None:
        nonlocal total
        total += 1  # DUR006

    await ctx.step("add", add)
    return total
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def add(total: int) -> int:
    return total + 1


@durable_execution
async def handler(event: None, ctx: DurableContext) -> int:
    return await ctx.step("add", add, 0)
""",
)

RULES = (CAPTURED,)


def check(code: Code) -> Iterator[Remark]:
    """Each change of what durable code sees."""
    for function, node in code.body_nodes():
        yield from _remarks(function, node, code, "a step's body, which a replay does not run")
    for function, operation in _recorded_contexts(code).items():
        for node in code.syntax.own(function):
            yield from _remarks(function, node, code, f"{operation.title}, which is not run again once it is done")
    for _, node in code.durable_nodes():
        for target, _ in changed_by(node, code):
            if isinstance(target, ast.Attribute) and _is_context(target.value, code):
                message = f"`{ast.unparse(target)}` cannot be set: keep state in variables, and results in steps"
                yield Remark(CAPTURED, node, message)


def _recorded_contexts(code: Code) -> dict[Function, Operation]:
    """What runs as a child context, a branch or an item, and leaves a record of its outcome."""
    return {
        use.function.node: operation
        for operation, use in code.regions.uses
        if use.role == "child" and all(keyword.arg != "virtual" for keyword in operation.call.keywords)
    }


def _remarks(function: Function, node: ast.AST, code: Code, where: str) -> Iterator[Remark]:
    for target, is_rebound in changed_by(node, code):
        remark = _remark(function, node, target, code, where, is_rebound=is_rebound)
        if remark is not None:
            yield remark


def _remark(
    function: Function, node: ast.AST, target: ast.expr, code: Code, where: str, *, is_rebound: bool
) -> Remark | None:
    """What is wrong with a function changing a target: a name, or something below one."""
    is_body = function in code.regions.bodies
    root = target
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        if isinstance(root, ast.Attribute) and _is_context(root.value, code):
            message = f"`{ast.unparse(target)}` is changed in a step's body: return the value from the step"
            return Remark(CAPTURED, node, message) if is_body else None
        if isinstance(root, ast.Attribute) and (owner := instance_of(root.value, code)) is not None:
            told = _of_instance(function, root, owner, code, where)
            return Remark(CAPTURED, node, told) if told is not None else None
        root = root.value
    if not isinstance(root, ast.Name) or (is_rebound and root is target and not _is_declared(root, code)):
        return None
    home = code.scopes.of[root].lookup(root.id)
    if home is None or _is_inside(home, function, code):
        return None
    if not (is_body and _is_of_durable_code(home, code)) and not _is_read_outside(function, root.id, home, code):
        return None
    return Remark(CAPTURED, node, f"`{root.id}` is changed in {where}: return the value from it")


def _of_instance(function: Function, target: ast.Attribute, owner: ast.ClassDef, code: Code, where: str) -> str | None:
    """An attribute of `self`, or of another instance that this file makes."""
    for reader, each in code.durable_nodes():
        if not isinstance(each, ast.Attribute) or each.attr != target.attr or not isinstance(each.ctx, ast.Load):
            continue
        if reader is not function and instance_of(each.value, code) is owner and not is_only_written(each, code):
            return (
                f"`{ast.unparse(target)}` is changed in {where}, and durable code reads it on line {each.lineno}: "
                "return the value from it"
            )
    return None


def _is_context(node: ast.expr, code: Code) -> bool:
    return all(isinstance(value, Context) for value in code.resolver.resolve(node))


def _is_inside(home: Scope, function: Function, code: Code) -> bool:
    """Whether a scope is the body's own, or in it."""
    scope: Scope | None = home
    while scope is not None:
        if scope is code.scopes.made_by[function]:
            return True
        scope = scope.parent
    return False


def _is_declared(name: ast.Name, code: Code) -> bool:
    scope: Scope | None = code.scopes.of[name]
    while scope is not None and not isinstance(scope.node, FUNCTIONS):
        scope = scope.parent
    return scope is not None and name.id in scope.declared


def _is_of_durable_code(home: Scope, code: Code) -> bool:
    return isinstance(home.node, FUNCTIONS) and home.node in code.regions.durable


def _is_read_outside(function: Function, name: str, home: Scope, code: Code) -> bool:
    """Whether durable code reads a name, beside the function itself and what is in it."""
    return any(
        isinstance(node, ast.Name)
        and node.id == name
        and not _is_inside(code.scopes.made_by[reader], function, code)
        and isinstance(node.ctx, ast.Load)
        and not is_only_written(node, code)
        and code.scopes.of[node].lookup(name) is home
        for reader, node in code.durable_nodes()
    )
