"""What a replay reads otherwise than the first run: the clock, chance, the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from durable_lambda.lint.code import Code
from durable_lambda.lint.finding import Remark, Rule
from durable_lambda.lint.outside import chance_in, clock_read_by, environment_in, stopwatch_read_by
from durable_lambda.lint.syntax import Function

CLOCK = Rule(
    "DUR001",
    "clock-outside-step",
    """\
A durable function runs again from the top in every invocation, and the clock shows another time then. What follows
from it (a branch, an argument, a result) differs from what the history has. `ctx.now()` reads the clock once and
records it.

A clock that only measures (`time.perf_counter`, `time.monotonic`) is found where a condition, an operation or a result
depends on it; what goes to a log or a metric may be measured.""",
    """\
from datetime import UTC, datetime

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> str:
    return datetime.now(UTC).isoformat()  # DUR001
""",
    """\
from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> str:
    return (await ctx.now()).isoformat()
""",
)
CHANCE = Rule(
    "DUR002",
    "random-outside-step",
    """\
A random number, an id or a token that is drawn outside of a step is another one in every invocation. `ctx.uuid()` and
`ctx.random()` give the same on every replay and cost no checkpoint. A secret must be made in a step: they are not for
secrets.""",
    """\
import uuid

from durable_lambda import DurableContext, durable_execution


async def charge(key: str) -> None: ...


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> None:
    key = str(uuid.uuid4())  # DUR002
    await ctx.step("charge", charge, key)
""",
    """\
from durable_lambda import DurableContext, durable_execution


async def charge(key: str) -> None: ...


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> None:
    key = str(ctx.uuid())
    await ctx.step("charge", charge, key)
""",
)
ENVIRONMENT = Rule(
    "DUR003",
    "environment-outside-step",
    """\
An execution may live for a year. Its environment variables, the host that it runs on and the process change meanwhile,
with a deployment or with the next invocation. Read them in a step, so that the execution keeps what it began with, or
pass them in with the event. A constant of the module, read when it is loaded, is not found, although it too may
change.""",
    """\
import os

from durable_lambda import DurableContext, durable_execution


async def charge(currency: str) -> None: ...


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> None:
    await ctx.step("charge", charge, os.environ["CURRENCY"])  # DUR003
""",
    """\
import os

from durable_lambda import DurableContext, durable_execution


async def charge() -> str:
    return os.environ["CURRENCY"]


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> None:
    await ctx.step("charge", charge)
""",
)

RULES = (CLOCK, CHANCE, ENVIRONMENT)


def check(code: Code) -> Iterator[Remark]:
    """What durable code reads that changes. A name that is built from it is a matter of its own."""
    for function, node in code.durable_nodes():
        remark = _remark(function, node, code)
        if remark is not None and not code.is_in_name(node):
            yield remark


def _remark(function: Function, node: ast.AST, code: Code) -> Remark | None:
    resolver, way = code.resolver, code.regions.way_to(function)
    wait = code.awaiting(function)
    if isinstance(node, ast.Call):
        if (path := clock_read_by(node, resolver)) is not None:
            return Remark(
                CLOCK, node, f"`{path}()` outside a step reads another time on replay: `{wait}ctx.now()`{way}"
            )
        if (path := stopwatch_read_by(node, resolver)) is not None and _matters(node, function, code):
            return Remark(
                CLOCK, node, f"`{path}()` outside a step reads another time on replay: `{wait}ctx.now()`{way}"
            )
        if (path := chance_in(node, resolver)) is not None:
            return Remark(
                CHANCE, node, f"`{path}()` outside a step draws anew on replay: {_instead_of(path, node, wait)}{way}"
            )
    path = environment_in(node, resolver)
    if path is None or _is_named_before(node, function, code):
        return None
    return Remark(
        ENVIRONMENT,
        node,
        f"`{path}` outside a step may differ on replay: read it in a step or take it from the event{way}",
    )


def _instead_of(path: str, node: ast.Call, wait: str) -> str:
    if "uuid" in path or "ulid" in path or path.startswith("nanoid"):
        return "`ctx.uuid()`"
    if path.startswith(("secrets.", "os.")):
        return f'draw it in a step, `{wait}ctx.step("…", {path}{", …" if node.args else ""})`'
    method = path.removeprefix("random.")
    if "." in method or method in ("Random", "SystemRandom", "seed", "setstate", "getstate"):
        return "`ctx.random()`"
    return f"`ctx.random().{method}({'…' if node.args or node.keywords else ''})`"


def _is_named_before(node: ast.AST, function: Function, code: Code) -> bool:
    """Whether it is a name that the function itself gave to what was found where it was assigned."""
    if not isinstance(node, ast.Name):
        return False
    home = code.scopes.of[node].lookup(node.id)
    return (
        home is not None
        and any(binding.kind != "import" for binding in home.bindings[node.id])
        and home.node is function
    )


def _matters(node: ast.AST, function: Function, code: Code) -> bool:
    """Whether what a stopwatch reads decides something, or gets into an operation or a result."""
    pending, seen = [node], set[ast.AST]()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        if _decides(current, code):
            return True
        for name in _names_given(current, code):
            pending += [
                each
                for each in code.syntax.own(function)
                if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
            ]
    return False


def _decides(node: ast.AST, code: Code) -> bool:
    for parent in code.syntax.ancestors(node):
        match parent:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
                return _is_within(node, test, code)
            case ast.Return() | ast.Compare():
                return True
            case ast.Call() if parent is not node:
                return parent in code.regions.operations or _gives_the_same(parent, code)
            case ast.stmt():
                return False
            case _:
                pass
    return False


def _gives_the_same(call: ast.Call, code: Code) -> bool:
    """A conversion, whose result tells what it was given."""
    path = code.resolver.path(call.func)
    names = ("int", "float", "round", "str", "min", "max", "abs")
    return path in {f"builtins.{name}" for name in names} and _decides(call, code)


def _names_given(node: ast.AST, code: Code) -> list[str]:
    """The names that are assigned what a node is part of."""
    for parent in code.syntax.ancestors(node):
        match parent:
            case ast.Call() if parent is not node:
                return []
            case ast.Assign(targets=targets):
                return [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.NamedExpr(target=ast.Name(id=name)):
                return [name]
            case ast.AugAssign(target=ast.Name(id=name)):
                return [name]
            case ast.stmt():
                return []
            case _:
                pass
    return []


def _is_within(node: ast.AST, whole: ast.AST, code: Code) -> bool:
    return node is whole or any(parent is whole for parent in code.syntax.ancestors(node))
