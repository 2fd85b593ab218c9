"""Suite `plugin`: hooks that tell on stdout what they were told."""

from __future__ import annotations

import json
from typing import Any

from durable_lambda import DurableContext, Hooks, Retry, current_step
from handlers.entry import durable
from handlers.step import fail, greet


class Teller(Hooks):
    """Prints a line of JSON for what the requirements ask for."""

    def __init__(self, plugin: str, *hooks: str) -> None:
        self._plugin = plugin
        self._hooks = hooks
        self._arn = ""

    def on_invocation_start(self, info: Any) -> None:
        self._arn = info.execution_arn
        self.tell("invocation-start", first=info.is_first)

    def on_invocation_end(self, info: Any) -> None:
        self.tell("invocation-end", status=info.outcome)

    def on_operation_start(self, info: Any) -> None:
        if info.type == "STEP":
            self.tell("operation-start", op=info.operation_id)

    def on_operation_end(self, info: Any) -> None:
        if info.type == "STEP":
            self.tell("operation-end", op=info.operation_id, status=info.outcome)

    def on_user_function_start(self, info: Any) -> None:
        self.tell("attempt-start", n=info.attempt, op=info.operation_id)

    def on_user_function_end(self, info: Any) -> None:
        self.tell("attempt-end", n=info.attempt, outcome=info.outcome, op=info.operation_id)

    def tell(self, hook: str, **fields: Any) -> None:
        if hook in self._hooks:
            print(json.dumps({"plugin": self._plugin, "hook": hook, "durableExecutionArn": self._arn, **fields}))


class Faulty(Teller):
    """Tells, and raises."""

    def tell(self, hook: str, **fields: Any) -> None:
        super().tell(hook)
        raise RuntimeError("this hook always fails")


INVOCATION = ("invocation-start", "invocation-end")
OPERATION = ("operation-start", "operation-end")
ATTEMPT = ("attempt-start", "attempt-end")


@durable(hooks=Teller("CONFPLUGIN", *INVOCATION))
async def invocation_hooks(event: str, ctx: DurableContext) -> str:
    def greet_and_log() -> str:
        current_step().logger.info("Greeting step running for: %s", event)
        return greet(event)

    return await ctx.step("greet", greet_and_log)


@durable(hooks=Teller("CONFPLUGIN", *OPERATION))
async def operation_hooks(event: str, ctx: DurableContext) -> str:
    return await ctx.step("greet", greet, event)


@durable(hooks=Teller("CONFPLUGIN", *ATTEMPT))
async def attempt_hooks(event: Any, ctx: DurableContext) -> str:
    def flaky() -> str:
        if current_step().attempt == 1:
            raise RuntimeError("not yet")
        return "Operation succeeded"

    return await ctx.step("flaky", flaky, retry=Retry.fixed(max_attempts=2, delay=1))


@durable(hooks=Faulty("CONFPLUGIN-FAULTY", *INVOCATION, *OPERATION, *ATTEMPT))
async def broken_hooks(event: str, ctx: DurableContext) -> str:
    return await ctx.step("greet", greet, event)


@durable(hooks=[Teller("CONFPLUGIN-A", *INVOCATION), Teller("CONFPLUGIN-B", *INVOCATION)])
async def two_plugins(event: str, ctx: DurableContext) -> str:
    return await ctx.step("greet", greet, event)


@durable(hooks=Teller("CONFPLUGIN", *INVOCATION))
async def suspended(event: Any, ctx: DurableContext) -> None:
    await ctx.wait("pause", 2)


@durable(hooks=Teller("CONFPLUGIN", *INVOCATION))
async def failed(event: Any, ctx: DurableContext) -> None:
    await ctx.step("fail", fail, retry=Retry.none())
