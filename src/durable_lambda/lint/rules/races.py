"""Decisions that the timing of one invocation makes: deadlines and races of asyncio, and being a replay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.syntax import run_by, spelled

RACE = Rule(
    "DUR011",
    "unrecorded-race",
    """\
Which of two operations was first, and whether one was done in time, is not in the history. On a replay all recorded
operations are there at once, and an `asyncio.timeout`, `wait_for`, `wait(…, FIRST_COMPLETED)` or `as_completed` may
decide otherwise. The time that a suspended function waits does not count either. `ctx.timeout` and `ctx.first` record
what was decided. `asyncio.gather`, `asyncio.wait` for all, and a `TaskGroup` decide nothing and are fine.""",
    """\
import asyncio

from durable_lambda import DurableContext, durable_execution


async def ask() -> str:
    return "yes"


@durable_execution
async def handler(event: None, ctx: DurableContext) -> str:
    return await asyncio.wait_for(ctx.step("ask", ask), 30)  # DUR011
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def ask() -> str:
    return "yes"


async def asking(ctx: DurableContext) -> str:
    return await ctx.step("ask", ask)


@durable_execution
async def handler(event: None, ctx: DurableContext) -> str:
    return await ctx.timeout("limit", 30, asking)
""",
)
REPLAY_STATE = Rule(
    "DUR018",
    "branch-on-replay",
    """\
`ctx.is_replaying` and `ctx.remaining_time` tell of this invocation and not of the execution. An operation that is
called only if they say so is there in one invocation and missing in the next. Use them for logs and metrics. For code
that changed while executions are in flight there is `ctx.patched`.""",
    """\
from durable_lambda import DurableContext, durable_execution


async def greet() -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    if not ctx.is_replaying:  # DUR018
        await ctx.step("greet", greet)
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def greet() -> None: ...


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    if ctx.patched("greet"):
        await ctx.step("greet", greet)
""",
)

RULES = (RACE, REPLAY_STATE)

_DEADLINES: Final = {
    "asyncio.timeout",
    "asyncio.timeout_at",
    "async_timeout.timeout",
    "anyio.fail_after",
    "anyio.move_on_after",
}
_ENDS_EARLY: Final = {
    f"{module}.{name}" for module in ("asyncio", "asyncio.tasks") for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION")
}
_OF_THIS_INVOCATION: Final = {f"durable_lambda.DurableContext().{name}" for name in ("is_replaying", "remaining_time")}


def check(code: Code) -> Iterator[Remark]:
    """Each decision that is not recorded."""
    for function, node in code.durable_nodes():
        wait = code.awaiting(function)
        if isinstance(node, ast.AsyncWith):
            for item in node.items:
                path = code.resolver.path(item.context_expr.func) if isinstance(item.context_expr, ast.Call) else None
                if path in _DEADLINES and any(_performs(statement, code) for statement in node.body):
                    message = f'`{path}` around operations is not recorded: `{wait}ctx.timeout("…", seconds, fn)`'
                    yield Remark(RACE, item.context_expr, message)
        elif isinstance(node, ast.Call):
            yield from _race(node, wait, code)
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            yield from _branch(node, code)


def _race(call: ast.Call, wait: str, code: Code) -> Iterator[Remark]:
    path = code.resolver.path(call.func)
    arguments = [*call.args[:1], *(k.value for k in call.keywords if k.arg in ("fut", "fs"))]
    if path not in ("asyncio.wait_for", "asyncio.wait", "asyncio.as_completed"):
        return
    if not any(code.regions.carries(argument) for argument in arguments):
        return
    if path == "asyncio.wait_for":
        if not _is_none(_option(call, 1, "timeout")):
            message = f'`{path}` around operations is not recorded: `{wait}ctx.timeout("…", seconds, fn)`'
            yield Remark(RACE, call, message)
    elif path == "asyncio.as_completed":
        message = f'`{path}` over operations is not recorded: `{wait}ctx.first("…", a=…, b=…)`, or `asyncio.gather`'
        yield Remark(RACE, call, message)
    else:
        ending = _option(call, -1, "return_when")
        is_early = ending is not None and code.resolver.path(ending) in _ENDS_EARLY
        is_early = is_early or (
            isinstance(ending, ast.Constant) and ending.value in ("FIRST_COMPLETED", "FIRST_EXCEPTION")
        )
        if is_early:
            message = (
                f'`{spelled(call.func)}` for the first operation is not recorded: `{wait}ctx.first("…", a=…, b=…)`'
            )
            yield Remark(RACE, call, message)
        elif not _is_none(_option(call, -1, "timeout")):
            message = f'`{path}` with a timeout is not recorded: `{wait}ctx.timeout("…", seconds, fn)`'
            yield Remark(RACE, call, message)


def _option(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if 0 <= place < len(call.args):
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _branch(node: ast.If | ast.IfExp | ast.While, code: Code) -> Iterator[Remark]:
    ways = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [*node.body, *node.orelse]
    if not any(_performs(way, code) for way in ways):
        return
    for each in run_by(node.test):
        if isinstance(each, ast.Attribute) and code.resolver.path(each) in _OF_THIS_INVOCATION:
            message = f"operations depend on `{spelled(each)}`, which is of this invocation: use `ctx.patched`"
            yield Remark(REPLAY_STATE, each, message)


def _performs(node: ast.AST, code: Code) -> bool:
    return any(code.regions.performs(each) for each in run_by(node))
