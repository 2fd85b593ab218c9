"""Operations that nobody awaits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.syntax import Function, spelled
from durable_lambda.lint.values import Coroutine

AWAIT = Rule(
    "DUR008",
    "missing-await",
    """\
In an `async def`, an operation is started when it is called, and gives its result when it is awaited. Without an
`await` nobody waits for it: it is cancelled when the function returns, and what it raises is lost. An operation that
stands for its result (in a condition, an f-string, a subscript) is found too, and so is a coroutine of the same file
that is called and dropped.

In a `def` handler operations block, and there is nothing to await.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def ship(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    ctx.step("ship", ship, order_id)  # DUR008
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def ship(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    await ctx.step("ship", ship, order_id)
""",
)

RULES = (AWAIT,)


def check(code: Code) -> Iterator[Remark]:
    """Each operation that certainly is not awaited."""
    for function, node in code.durable_nodes():
        yield from _dropped(node, code)
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield from _assigned_and_forgotten(function, node, code)
        operation = code.regions.operations.get(node)
        if (
            operation is not None
            and operation.is_operation
            and operation.is_async
            and _stands_for_its_result(node, code)
        ):
            yield Remark(
                AWAIT, node, f"{operation.title} is used before it is awaited: `await {spelled(operation.call)}`"
            )


def _dropped(node: ast.AST, code: Code) -> Iterator[Remark]:
    """An expression statement that is an operation, or makes a list of some."""
    if not isinstance(node, ast.Expr):
        return
    value = node.value
    if isinstance(value, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        value = value.elt
    for each in value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]:
        if (title := _unawaited(each, code)) is not None:
            yield Remark(AWAIT, each, f"{title} is not awaited: `await {spelled(each)}`")


def _assigned_and_forgotten(function: Function, node: ast.Assign | ast.AnnAssign, code: Code) -> Iterator[Remark]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if len(targets) != 1 or not isinstance(targets[0], ast.Name) or node.value is None:
        return
    title = _unawaited(node.value, code)
    name = targets[0]
    home = code.scopes.of[name].lookup(name.id)
    if title is None or home is None or home.node is not function:
        return
    for each in ast.walk(function):
        is_same = isinstance(each, ast.Name) and each.id == name.id and not isinstance(each.ctx, ast.Store)
        if is_same and code.scopes.of[each].lookup(name.id) is home:
            return
        if isinstance(each, ast.Call) and code.resolver.path(each.func) == "builtins.locals":
            return
    yield Remark(
        AWAIT, node.value, f"{title} is assigned to `{name.id}`, which is never awaited: `await {spelled(node.value)}`"
    )


def _unawaited(node: ast.expr, code: Code) -> str | None:
    """What an expression is called, if it is an operation or a coroutine that somebody has to await."""
    operation = code.regions.operations.get(node)
    if operation is not None:
        return operation.title if operation.is_operation and operation.is_async else None
    if isinstance(node, ast.Call):
        values = code.resolver.resolve(node)
        if values and all(isinstance(value, Coroutine) for value in values):
            return f"`{spelled(node.func)}()`"
    return None


def _stands_for_its_result(node: ast.AST, code: Code) -> bool:  # noqa: PLR0911  # a case for each place
    parent = code.syntax.parents[node]
    match parent:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            return test is node
        case ast.UnaryOp() | ast.BinOp() | ast.FormattedValue():
            return True
        case ast.Compare():
            return not any(isinstance(operator, (ast.Is, ast.IsNot)) for operator in parent.ops)
        case ast.Subscript(value=value):
            return value is node
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
            return iterated is node
        case ast.Return():
            return _is_handler_of(parent, code)
        case _:
            return False


def _is_handler_of(statement: ast.AST, code: Code) -> bool:
    """Whether it is a handler itself that returns an operation as its result."""
    function = code.syntax.function_of(statement)
    return isinstance(function, ast.AsyncFunctionDef) and code.regions.is_handler(function)
