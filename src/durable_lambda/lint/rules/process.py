"""Operations that depend on what lives in the process: globals and attributes that durable code itself changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.changes import changed_by, instance_of
from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.syntax import Function, run_by, spelled

PROCESS = Rule(
    "DUR019",
    "process-state",
    """\
A global variable, or an attribute of a handler's instance, lives as long as its process. The next invocation may run in
another process, where it is as it was at first, or in the same one, where it is as the last invocation left it. So an
operation that is called, or left out, because of it is there in one invocation and missing in the next. Keep such a
thing in a variable of the function, which every replay builds anew, or let a step return it.

Found is an `if`, a `while` or a conditional expression that decides over operations by what durable code of the same
file changes. A client or a table that is made once and decides nothing is fine.""",
    """\
from durable_lambda import DurableContext, durable_execution

rates: dict[str, float] = {}


async def ask(currency: str) -> float:
    return 1.0


@durable_execution
async def handler(currency: str, ctx: DurableContext) -> float:
    if currency not in rates:  # DUR019
        rates[currency] = await ctx.step("ask", ask, currency)
    return rates[currency]
""",
    """\
from durable_lambda import DurableContext, durable_execution

rates: dict[str, float] = {}


async def ask(currency: str) -> float:
    if currency not in rates:  # in a step: its result is recorded, whichever way it goes
        rates[currency] = 1.0
    return rates[currency]


@durable_execution
async def handler(currency: str, ctx: DurableContext) -> float:
    return await ctx.step("ask", ask, currency)
""",
)

RULES = (PROCESS,)

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def check(code: Code) -> Iterator[Remark]:
    """Each decision over operations that follows from the process."""
    changed = _changed(code)
    if not changed:
        return
    for function, node in code.durable_nodes():
        if not isinstance(node, (ast.If, ast.IfExp, ast.While)) or not _decides(node, function, code):
            continue
        for each in run_by(node.test):
            line = changed.get(_kept(each, code))
            if line is not None:
                message = (
                    f"operations depend on `{spelled(each)}`, which lives in the process and is changed on line "
                    f"{line}: use a variable of the function, or return it from a step{code.regions.way_to(function)}"
                )
                yield Remark(PROCESS, each, message)


def _changed(code: Code) -> dict[object, int]:
    """What lives in the process and is changed by durable code, and the line that does it first."""
    found: dict[object, int] = {}
    for _, node in code.durable_nodes():
        for target, _ in changed_by(node, code):
            kept = _kept(_root(target, code), code)
            if kept is not None and isinstance(node, (ast.stmt, ast.expr)):
                found[kept] = min(node.lineno, found.get(kept, node.lineno))
    return found


def _root(target: ast.expr, code: Code) -> ast.expr:
    """The name or the attribute of an instance that is changed, or has in it what is."""
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        if isinstance(target, ast.Attribute) and instance_of(target.value, code) is not None:
            return target
        target = target.value
    return target


def _kept(node: ast.AST, code: Code) -> object:
    """What identifies a global or an attribute; `None` for anything else."""
    match node:
        case ast.Name(id=name) if code.scopes.of[node].lookup(name) is code.scopes.module:
            return name
        case ast.Attribute(value=value, attr=attr) if (owner := instance_of(value, code)) is not None:
            return owner, attr
        case _:
            return None


def _decides(node: ast.If | ast.IfExp | ast.While, function: Function, code: Code) -> bool:
    """Whether operations are called one way, or come after one way that leaves."""
    ways = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [*node.body, *node.orelse]
    if any(code.regions.performs(each) for way in ways for each in run_by(way)):
        return True
    leaves = isinstance(node, ast.If) and any(way and isinstance(way[-1], _LEAVES) for way in (node.body, node.orelse))
    return leaves and function in code.regions.performing
