"""Lambda functions on the official SDK, as they would be deployed."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import endings
from aws_durable_execution_sdk_python import DurableContext, durable_execution

from compatibility import official
from compatibility.official import give, seconds, then_wait
from compatibility.shared import decline


def _programs_of(module: ModuleType) -> dict[str, official.Program]:
    members = [(name, each) for name, each in vars(module).items() if inspect.isfunction(each)]
    return {
        name: each
        for name, each in members
        if each.__module__ == module.__name__ and list(inspect.signature(each).parameters) == ["event", "ctx"]
    }


PROGRAMS = _programs_of(official) | _programs_of(endings)


@durable_execution
def programs(event: Any, ctx: DurableContext) -> Any:
    """Whichever program the event names."""
    return then_wait(PROGRAMS[event["program"]])(event, ctx)


@durable_execution
def prices(event: Any, ctx: DurableContext) -> Any:
    price = ctx.step(give(3), "look up")
    ctx.wait(seconds(1), "doze")
    return {"price": price, "of": event}


@durable_execution
def refuses(event: Any, ctx: DurableContext) -> Any:
    decline(f"no {event}")
