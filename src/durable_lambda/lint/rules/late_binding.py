"""Functions that a loop makes for operations, and that see the loop's variable as it is later."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.syntax import Function, run_by

LATE = Rule(
    "DUR017",
    "late-binding",
    """\
A lambda or a function that is made in a loop sees the loop's variable as it is when it runs, not as it was when it was
made. An operation that is not awaited before the next round runs later, so all of them may get the last item. Pass the
value as an argument, or bind it with `functools.partial`. The same holds for branches that a comprehension makes.""",
    """\
import asyncio

from durable_lambda import DurableContext, durable_execution


async def reserve(sku: str) -> None: ...


@durable_execution
async def handler(skus: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step("reserve", lambda: reserve(sku)) for sku in skus))  # DUR017
""",
    """\
import asyncio

from durable_lambda import DurableContext, durable_execution


async def reserve(sku: str) -> None: ...


@durable_execution
async def handler(skus: list[str], ctx: DurableContext) -> None:
    await asyncio.gather(*(ctx.step("reserve", reserve, sku) for sku in skus))
""",
)

RULES = (LATE,)


def check(code: Code) -> Iterator[Remark]:
    """Each function that a loop makes for an operation, that uses what the next round changes, and may run then."""
    seen: set[ast.AST] = set()
    for operation, use in code.regions.uses:
        function = use.function.node
        if function in seen or (loop := _loop_around(function, code)) is None:
            continue
        late = _free_names(function, code) & _changed_by(loop, code)
        if late and not _is_over_in_time(operation.call, loop, code):
            seen.add(function)
            name = min(late)
            message = (
                f"{operation.title} runs a function that sees `{name}` as the loop leaves it: pass `{name}` as an "
                f"argument, or `functools.partial(fn, {name})`"
            )
            yield Remark(LATE, function, message)


def _loop_around(function: Function, code: Code) -> ast.AST | None:
    """The innermost loop or comprehension in which a function is made anew each round."""
    child: ast.AST = function
    for parent in code.syntax.ancestors(function):
        match parent:
            case ast.For() | ast.AsyncFor() | ast.While() if child in parent.body:
                return parent
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() if (
                child is not parent.generators[0]
            ):
                return parent
            case _:
                pass
        child = parent
    return None


def _changed_by(loop: ast.AST, code: Code) -> set[str]:
    """The names that a round of a loop gives new values."""
    if isinstance(loop, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return set(code.scopes.made_by[loop].bindings)
    targets = [loop.target] if isinstance(loop, (ast.For, ast.AsyncFor)) else []
    assert isinstance(loop, (ast.For, ast.AsyncFor, ast.While))
    nodes = [node for part in (*targets, *loop.body) for node in run_by(part)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _free_names(function: Function, code: Code) -> set[str]:
    """The names that a function looks up outside of itself when it runs."""
    inside = code.scopes.made_by[function]
    names: set[str] = set()
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for node in (each for part in body for each in ast.walk(part)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            home = code.scopes.of[node].lookup(node.id)
            scope = inside.parent
            while scope is not None and scope is not home:
                scope = scope.parent
            if home is not None and scope is home:
                names.add(node.id)
    return names


def _is_over_in_time(call: ast.Call, loop: ast.AST, code: Code) -> bool:
    """Whether the operation is awaited before the next round, or blocks."""
    operation = code.regions.operations.get(call)
    if operation is not None and operation.is_async is False:
        return True
    above = list(code.syntax.ancestors(call))
    if loop not in above:
        return False
    within = above[: above.index(loop)]
    if any(isinstance(parent, (ast.Await, ast.AsyncWith)) for parent in within):
        return True
    given = [t.id for p in within if isinstance(p, ast.Assign) for t in p.targets if isinstance(t, ast.Name)]
    return any(
        isinstance(node, ast.Await) and any(isinstance(n, ast.Name) and n.id in given for n in ast.walk(node))
        for node in run_by(loop)
    )
