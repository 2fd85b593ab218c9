"""Operations in an order that a replay does not keep."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.ordering import unordered
from durable_lambda.lint.syntax import Function, run_by, spelled

ORDER = Rule(
    "DUR005",
    "unordered-operations",
    """\
Operations are known by their position, so a replay must call them in the same order. The order of a set follows from
hashes, which differ from process to process; a directory's listing and `as_completed` have none either. Sort it first.

Found are loops and comprehensions with operations in them, and the items of a `map` or the branches of a `parallel`.
Sets of small whole numbers keep their order.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def notify(customer: str) -> None: ...


@durable_execution
async def handler(customers: list[str], ctx: DurableContext) -> None:
    for customer in set(customers):  # DUR005
        await ctx.step("notify", notify, customer)
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def notify(customer: str) -> None: ...


@durable_execution
async def handler(customers: list[str], ctx: DurableContext) -> None:
    for customer in sorted(set(customers)):
        await ctx.step("notify", notify, customer)
""",
)

RULES = (ORDER,)


def check(code: Code) -> Iterator[Remark]:
    """Each thing without an order that operations are called in the order of."""
    for function, node in code.durable_nodes():
        for iterated in _iterated(node, code):
            what = unordered(iterated, code.resolver)
            if what is not None:
                yield Remark(ORDER, iterated, _message(what, iterated, function, code))


def _message(what: str, node: ast.expr, function: Function, code: Code) -> str:
    way = code.regions.way_to(function)
    if what == "whatever is done first":
        return (
            f"operations in the order of what is done first: use `ctx.first`, or `asyncio.gather` in a fixed order{way}"
        )
    return f"operations in the order of {what}, which a replay does not keep: `sorted({spelled(node, 30)})`{way}"


def _iterated(node: ast.AST, code: Code) -> Iterator[ast.expr]:
    """What a node runs operations over."""
    match node:
        case ast.For() | ast.AsyncFor():
            if any(_performs(statement, code) for statement in node.body):
                yield node.iter
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            if _performs(element, code):
                yield from (generator.iter for generator in node.generators)
        case ast.DictComp():
            if _performs(node.value, code) or _performs(node.key, code):
                yield from (generator.iter for generator in node.generators)
        case ast.Call():
            operation = code.regions.operations.get(node)
            if operation is not None and operation.method in ("map", "parallel"):
                place = node.args[1:2] or [k.value for k in node.keywords if k.arg in ("items", "branches")]
                yield from (each for each in place if not isinstance(each, ast.Starred))
            elif code.resolver.path(node.func) == "builtins.map" and _maps_operations(node, code):
                yield from node.args[1:]
        case _:
            pass


def _performs(node: ast.AST, code: Code) -> bool:
    return any(code.regions.performs(each) for each in run_by(node))


def _maps_operations(call: ast.Call, code: Code) -> bool:
    functions = code.resolver.functions(call.args[0]) if call.args else []
    return any(local.node in code.regions.performing for local in functions)
