"""What a step's body may not do: call operations, take the context."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.operations import Operation
from durable_lambda.lint.syntax import spelled
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
A step's body has no use for a context: its operations are refused there. Give it the values that it needs.
`current_step()` tells it the attempt, an idempotency key and a logger. What needs a context runs in one of its own.""",
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
RULES = (NESTED, TAKES_CONTEXT)


def check(code: Code) -> Iterator[Remark]:
    """What is wrong with the bodies of steps."""
    yield from _nested(code)
    for operation in code.regions.operations.values():
        if operation.signature.body is not None:
            yield from _taken_contexts(operation, code)


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
