"""Code that runs while an invocation is being suspended: catching the cancellation, and `finally`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.syntax import Function, Try, run_by, spelled

SWALLOWED = Rule(
    "DUR010",
    "swallowed-suspension",
    """\
When every operation of an invocation is blocked, the function is unwound: async code by `CancelledError`, sync code by
`Suspended`. An `except:` or `except BaseException:` around operations catches that, and what comes after it runs as if
the operation had failed. Catch `Exception`, or raise it again. `contextlib.suppress` is the same.

Catching the `CancelledError` of a task that the code itself has cancelled is fine, and is not found.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> str:
    try:
        await ctx.step("charge", charge, order_id)
    except BaseException:  # DUR010
        return "not charged"
    return "charged"
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> str:
    try:
        await ctx.step("charge", charge, order_id)
    except Exception:
        return "not charged"
    return "charged"
""",
)
FINALLY = Rule(
    "DUR013",
    "operation-in-finally",
    """\
A `finally` runs whenever an invocation is suspended inside its `try`, not only when the work is done. Operations are
refused then, and a `return`, `break` or `continue` swallows the suspension. Undo with `ctx.saga`, or in an `except
Exception` that raises again, and do after the `try` what is to be done in any case.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def work() -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    finally:
        await ctx.step("clean up", work)  # DUR013
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def work() -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    try:
        await ctx.step("work", work)
    except Exception:
        await ctx.step("clean up", work)
        raise
    await ctx.step("clean up", work)
""",
)

RULES = (SWALLOWED, FINALLY)

_EVERYTHING: Final = {"builtins.BaseException", "builtins.BaseExceptionGroup"}
_UNWINDS_ASYNC: Final = {
    "asyncio.CancelledError",
    "asyncio.exceptions.CancelledError",
    "concurrent.futures.CancelledError",
}
_UNWINDS_SYNC: Final = {"durable_lambda.Suspended"}


def check(code: Code) -> Iterator[Remark]:
    """Each `except` that stops a suspension, and each `finally` that works during one."""
    for function, node in code.durable_nodes():
        if isinstance(node, (ast.Try, ast.TryStar)):
            blocked = [name for statement in node.body for name in _operations_in(statement, function, code)]
            if blocked:
                yield from _swallowing(node, blocked[0], code)
                yield from _finally(node, code)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            yield from _suppressing(node, function, code)


def _swallowing(node: Try, operation: str, code: Code) -> Iterator[Remark]:
    for handler in node.handlers:
        caught = _caught(handler.type, code)
        if not caught:
            continue
        if any(isinstance(each, ast.Raise) for statement in handler.body for each in run_by(statement)):
            return  # raised again, at least on some way
        shown = "a bare `except`" if handler.type is None else f"`except {spelled(handler.type)}`"
        message = f"{shown} around {operation} swallows the suspension: catch `Exception`, or raise it again"
        yield Remark(SWALLOWED, handler, message)
        return


def _caught(kind: ast.expr | None, code: Code) -> bool:
    """Whether a clause catches what unwinds a suspended function."""
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(code.resolver.path(each) in _EVERYTHING | _UNWINDS_ASYNC | _UNWINDS_SYNC for each in kinds)


def _suppressing(node: ast.With | ast.AsyncWith, function: Function, code: Code) -> Iterator[Remark]:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and code.resolver.path(call.func) == "contextlib.suppress":
            blocked = [name for statement in node.body for name in _operations_in(statement, function, code)]
            if blocked and any(_caught(each, code) for each in call.args):
                message = (
                    f"`{spelled(call)}` around {blocked[0]} swallows the suspension: suppress kinds of `Exception`"
                )
                yield Remark(SWALLOWED, call, message)


def _operations_in(node: ast.AST, function: Function, code: Code) -> Iterator[str]:
    """The operations that a statement waits for, by what a message calls them."""
    for each in run_by(node):
        operation = code.regions.operations.get(each)
        if operation is not None and operation.is_operation:
            yield operation.title
        elif isinstance(each, ast.Call) and code.regions.performs(each):
            yield f"`{spelled(each.func)}()`, which calls operations,"
        elif isinstance(each, ast.Await) and _is_operation(each.value, function, code):
            yield f"`{spelled(each.value)}`, an operation,"


def _is_operation(node: ast.expr, function: Function, code: Code) -> bool:
    """Whether it is a name for an operation, and for none that the function cancels itself."""
    return isinstance(node, ast.Name) and code.regions.carries(node) and not _is_cancelled(node.id, function, code)


def _is_cancelled(name: str, function: Function, code: Code) -> bool:
    for node in code.syntax.own(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="cancel")) if owner == name:
                return True
            case _:
                pass
    return False


def _finally(node: Try, code: Code) -> Iterator[Remark]:
    for each in (each for statement in node.finalbody for each in run_by(statement)):
        operation = code.regions.operations.get(each)
        if operation is not None and operation.is_operation:
            message = f"{operation.title} in a `finally` is refused while suspending: `except Exception`, or `ctx.saga`"
            yield Remark(FINALLY, each, message)
        elif isinstance(each, ast.Call) and code.regions.performs(each):
            message = f"`{spelled(each.func)}` in a `finally` calls operations, which are refused while suspending"
            yield Remark(FINALLY, each, message)
        elif isinstance(each, ast.Return) or (
            isinstance(each, (ast.Break, ast.Continue)) and _leaves(each, node, code)
        ):
            word = type(each).__name__.lower()
            yield Remark(FINALLY, each, f"`{word}` in a `finally` swallows the suspension: do it after the `try`")


def _leaves(node: ast.AST, whole: Try, code: Code) -> bool:
    """Whether a `break` or `continue` goes to a loop outside of the `try`."""
    for parent in code.syntax.ancestors(node):
        if parent is whole:
            return True
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.While)):
            return False
    return False
