"""Names of operations: those that change, and (if selected) those that are used twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.flows import what_changes
from durable_lambda.lint.operations import Operation
from durable_lambda.lint.syntax import Function

CHANGING = Rule(
    "DUR009",
    "changing-name",
    """\
On a replay the name of an operation is compared with the one in the history. A name that is built from the clock, from
chance, from the environment, from a counter of the module, from the order of a set, or from `id()` and `hash()`, is
another one then, and the execution ends with a `NonDeterministicExecutionError`. Build names from the event, from
recorded results, from positions. The names that a `map`'s `item_name` makes are looked at too.""",
    """\
import time

from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    await ctx.step(f"charge-{time.time()}", charge, order_id)  # DUR009
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    await ctx.step(f"charge-{order_id}", charge, order_id)
""",
)
TWICE = Rule(
    "DUR015",
    "name-used-twice",
    """\
Operations are told apart by their position, so two may have one name; whoever reads the history, or stubs a step in a
test, cannot tell them apart. This rule is off unless it is selected. Two ways of an `if` may use the same name.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def mail(text: str) -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    await ctx.step("mail", mail, "begun")
    await ctx.step("mail", mail, "done")  # DUR015
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def mail(text: str) -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    await ctx.step("mail begun", mail, "begun")
    await ctx.step("mail done", mail, "done")
""",
    is_default=False,
)

RULES = (CHANGING, TWICE)


def check(code: Code) -> Iterator[Remark]:
    """Names that change, and literal names that a function uses twice."""
    for function in code.regions.durable:
        found = [code.regions.operations[n] for n in code.syntax.own(function) if n in code.regions.operations]
        for operation in found:
            yield from _changing(operation, function, code)
        yield from _twice(found, code)


def _changing(operation: Operation, function: Function, code: Code) -> Iterator[Remark]:
    for name in _names(operation, code):
        what = what_changes(name, code)
        if what is not None:
            way = code.regions.way_to(function)
            message = (
                f"the name of {operation.title} is built from {what}, which changes: use the event or a result{way}"
            )
            yield Remark(CHANGING, name, message)


def _names(operation: Operation, code: Code) -> Iterator[ast.expr]:
    if operation.name is not None:
        yield operation.name
    for keyword in operation.call.keywords:
        if keyword.arg == "item_name" and isinstance(keyword.value, ast.Lambda):
            yield keyword.value.body


def _twice(operations: list[Operation], code: Code) -> Iterator[Remark]:
    first: dict[tuple[str, str], list[Operation]] = {}
    for operation in operations:
        name = operation.name
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            continue
        others = first.setdefault((operation.method, name.value), [])
        other = next((each for each in others if not _are_alternatives(each.call, operation.call, code)), None)
        others.append(operation)
        if other is not None:
            yield Remark(TWICE, name, f"{operation.title} has the name of the one on line {other.call.lineno}")


def _are_alternatives(one: ast.AST, other: ast.AST, code: Code) -> bool:
    """Whether only one of the two can run: in two ways of an `if`, a `match` or a `try`."""
    above = {parent: child for child, parent in _steps_up(one, code)}
    for child, parent in _steps_up(other, code):
        if parent in above:
            return _way(parent, above[parent]) != _way(parent, child)
    return False


def _steps_up(node: ast.AST, code: Code) -> Iterator[tuple[ast.AST, ast.AST]]:
    for parent in code.syntax.ancestors(node):
        yield node, parent
        node = parent


def _way(parent: ast.AST, child: ast.AST) -> object:
    match parent:
        case ast.If(body=body) | ast.IfExp(body=body):
            return child in body if isinstance(body, list) else child is body
        case ast.Match():
            return child
        case ast.Try() | ast.TryStar():
            return child if isinstance(child, ast.ExceptHandler) else None
        case _:
            return None
