"""What a step's body may not do: change what is outside of it, call operations, take the context."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.operations import Operation
from durable_lambda.lint.syntax import Function, run_by, spelled
from durable_lambda.lint.values import Context

NESTED = Rule(
    "DUR007",
    "nested-operation",
    """\
A step's body is not run on a replay, so an operation in it has no position that a replay would come to. It is refused
with a `ValidationError`. A group of operations is a child context: `ctx.run_in_child_context`. The same holds for a
callback's submitter, a condition's check and a compensation.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    async def settle() -> None:
        await ctx.step("charge", charge, order_id)  # DUR007

    await ctx.step("settle", settle)
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str) -> None: ...


async def settle(order_id: str, ctx: DurableContext) -> None:
    await ctx.step("charge", charge, order_id)


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    await ctx.run_in_child_context("settle", settle, order_id)
""",
)
TAKES_CONTEXT = Rule(
    "DUR016",
    "step-takes-context",
    """\
A step's body has no use for a context: its operations are refused there. Give it the values that it needs. `current_step()`
tells it the attempt, an idempotency key and a logger. What needs a context runs in one of its own.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(order_id: str, ctx: DurableContext) -> str:
    return f"{ctx.execution_name}/{order_id}"


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> str:
    return await ctx.step("charge", charge, order_id, ctx)  # DUR016
""",
    """\
from durable_lambda import DurableContext, current_step, durable_execution


async def charge(order_id: str) -> str:
    return f"{current_step().idempotency_key}/{order_id}"


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> str:
    return await ctx.step("charge", charge, order_id)
""",
)
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

RULES = (NESTED, TAKES_CONTEXT, LATE)


def check(code: Code) -> Iterator[Remark]:
    """What is wrong with the bodies of steps, and with functions that a loop makes for operations."""
    yield from _nested(code)
    for operation in code.regions.operations.values():
        if operation.signature.body is not None:
            yield from _taken_contexts(operation, code)
    yield from _late(code)


def _nested(code: Code) -> Iterator[Remark]:
    for _, node in code.body_nodes():
        operation = code.regions.operations.get(node)
        if operation is not None:
            message = (
                f"{operation.title} inside a step's body is refused: group operations with `ctx.run_in_child_context`"
            )
            yield Remark(NESTED, node, message)
        elif isinstance(node, ast.Call):
            for local in code.resolver.functions(node.func):
                if local.node in code.regions.durable and local.node in code.regions.performing:
                    message = f"`{spelled(node.func)}` calls operations, which are refused inside a step's body"
                    yield Remark(NESTED, node, message)


def _taken_contexts(operation: Operation, code: Code) -> Iterator[Remark]:
    """A context among the arguments of a step, or bound to its body beforehand, or in its body's signature."""
    position = operation.signature.body[0] if operation.signature.body is not None else 0
    body = operation.call.args[position] if len(operation.call.args) > position else None
    bound: list[ast.expr] = []
    if isinstance(body, ast.Call) and code.resolver.path(body.func) == "functools.partial":
        bound = [*body.args[1:], *(keyword.value for keyword in body.keywords)]
    elif isinstance(body, ast.Lambda):
        bound = [*body.args.defaults, *(each for each in body.args.kw_defaults if each is not None)]
    given = [each for each in (*operation.arguments, *bound) if _is_context(each, code)]
    for each in given:
        message = (
            f"{operation.title} hands `{spelled(each)}` to its body: pass values, or use `ctx.run_in_child_context`"
        )
        yield Remark(TAKES_CONTEXT, each, message)
    if body is None or given:
        return
    for local in code.resolver.functions(body):
        if code.resolver.takes_context(local.node):
            message = f"{operation.title} runs a function that takes a context: use `ctx.run_in_child_context`"
            yield Remark(TAKES_CONTEXT, body, message)


def _is_context(node: ast.expr, code: Code) -> bool:
    return all(isinstance(value, Context) for value in code.resolver.resolve(node))


def _late(code: Code) -> Iterator[Remark]:
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
                f"{operation.title} runs a function that sees `{name}` as the loop leaves it: pass `{name}` as an argument, "
                f"or `functools.partial(fn, {name})`"
            )
            yield Remark(LATE, function, message)


def _loop_around(function: Function, code: Code) -> ast.AST | None:
    """The innermost loop or comprehension, of the function that runs it, in which a function is made anew each round."""
    child: ast.AST = function
    for parent in code.syntax.ancestors(function):
        match parent:
            case ast.For() | ast.AsyncFor() | ast.While() if child in parent.body:
                return parent
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                if child is not parent.generators[0]:
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
    above = [parent for parent in code.syntax.ancestors(call)]
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
