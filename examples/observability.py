"""A function that can be watched: JSON log lines, and a hook that counts and measures.

Run it:     durable run observability.py:handler --event '["apples", "pears"]' --skip-time

Each line of its output is JSON; the last one has the figures of this process. A real hook would hand them to a metrics
system in `on_invocation_end`, the last thing that is called before Lambda may freeze the process.
"""

import logging
import random
import sys
from collections import Counter

from durable_lambda import (
    DurableContext,
    Hooks,
    InvocationEnd,
    JsonFormatter,
    OperationChange,
    OperationEnd,
    Retry,
    UserFunctionEnd,
    current_step,
    durable_execution,
)

log = logging.getLogger("warehouse")

lines = logging.StreamHandler(sys.stdout)
lines.setFormatter(JsonFormatter())
logging.basicConfig(level=logging.INFO, handlers=[lines], force=True)


class Figures(Hooks):
    """What happened in this process, each thing counted once: what is replayed has been counted before."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.retries = 0
        self.slowest: dict[str, float] = {}

    def on_operation_end(self, info: OperationEnd) -> None:
        if not info.is_replayed:
            self.operations[f"{info.kind} {info.outcome}"] += 1

    def on_user_function_end(self, info: UserFunctionEnd) -> None:
        self.attempts[info.outcome] += 1
        name = info.name or info.kind
        self.slowest[name] = max(info.duration, self.slowest.get(name, 0.0))

    def on_operation_change(self, info: OperationChange) -> None:
        if info.type == "STEP" and info.status == "PENDING":
            self.retries += 1

    def on_invocation_end(self, info: InvocationEnd) -> None:
        log.info(
            "invocation %s",
            info.outcome,
            extra={
                "executionArn": info.execution_arn,
                "requestId": info.request_id,
                "seconds": round(info.duration, 3),
                "operations": self.operations,
                "attempts": self.attempts,
                "retries": self.retries,
                "slowest": max(self.slowest, key=self.slowest.__getitem__, default=None),
            },
        )


figures = Figures()


class Busy(Exception):
    """The shelf is being filled."""


def take(item: str) -> int:
    log.info("looking for a shelf", extra={"item": item})  # any logger: the line names the step and its attempt
    if current_step().attempt == 1:
        raise Busy(item)
    return random.randrange(100)


@durable_execution(hooks=figures)
async def handler(items: list[str], ctx: DurableContext) -> int:
    ctx.logger.info("order taken", extra={"items": items})  # once, however often the function is replayed
    for item in items:
        await ctx.step(f"take-{item}", take, item, retry=Retry.fixed(max_attempts=3, delay=2))
    ctx.logger.info("order complete")
    return len(items)
