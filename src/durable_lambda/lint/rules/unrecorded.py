"""What durable code does and nobody records: input and output, sleeping, and (if selected) logging."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.outside import LOGGING, SLEEP, world_touched_by

WORLD = Rule(
    "DUR004",
    "io-outside-step",
    """\
What is outside of a step happens again in every invocation: the request is sent again, the file is written again, and
an answer may be another one. An invocation does not wait for it either: it is suspended when every operation is
blocked. A step runs once and its result is recorded. Making a client is not found; asking it is.""",
    """\
from urllib.request import urlopen

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(url: str, ctx: DurableContext) -> int:
    with urlopen(url) as answer:  # DUR004
        return answer.status
""",
    """\
from urllib.request import urlopen

from durable_lambda import DurableContext, durable_execution


def fetch(url: str) -> int:
    with urlopen(url) as answer:
        return answer.status


@durable_execution
async def handler(url: str, ctx: DurableContext) -> int:
    return await ctx.step("fetch", fetch, url)
""",
)
SLEEPING = Rule(
    "DUR012",
    "sleep-outside-step",
    """\
A sleep is not recorded: it is slept again in every invocation, it keeps the function in memory while it lasts, and it
is cut off when the invocation is suspended. `ctx.wait` lets time pass once, with nothing running. `asyncio.sleep(0)`,
which only lets other tasks run, is fine, and so is a sleep in a step.""",
    """\
import asyncio

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    await asyncio.sleep(60)  # DUR012
""",
    """\
from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    await ctx.wait("a minute", 60)
""",
)
LOGS = Rule(
    "DUR014",
    "repeated-log",
    """\
What durable code logs or prints is logged again in every invocation. `ctx.logger` is silent while the function runs
over what it has done before. This rule is off unless it is selected: repeated lines do no harm to an execution.""",
    """\
import logging

from durable_lambda import DurableContext, durable_execution

logger = logging.getLogger(__name__)


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    logger.info("order %s", order_id)  # DUR014
""",
    """\
from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(order_id: str, ctx: DurableContext) -> None:
    ctx.logger.info("order %s", order_id)
""",
    is_default=False,
)

RULES = (WORLD, SLEEPING, LOGS)


def check(code: Code) -> Iterator[Remark]:
    """Each call in durable code that nobody records."""
    resolver = code.resolver
    for function, node in code.durable_nodes():
        if not isinstance(node, ast.Call):
            continue
        wait, way = code.awaiting(function), code.regions.way_to(function)
        if (path := world_touched_by(node, resolver)) is not None:
            shown = path.removeprefix("builtins.")
            message = (
                f'`{shown}` outside a step happens again on replay: put it in a step, `{wait}ctx.step("…", fn)`{way}'
            )
            yield Remark(WORLD, node, message)
        elif (path := resolver.path(node.func)) in SLEEP and not _is_nothing(node):
            yield Remark(
                SLEEPING, node, f'`{path}` outside a step is not recorded: `{wait}ctx.wait("…", seconds)`{way}'
            )
        elif path in LOGGING:
            shown = str(path).removeprefix("builtins.")
            yield Remark(LOGS, node, f"`{shown}` in durable code is repeated on replay: `ctx.logger.info(…)`{way}")


def _is_nothing(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
