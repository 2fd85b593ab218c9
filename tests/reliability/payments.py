"""A function with at-most-once steps, that handles attempts which a kill interrupted.

Each body's first act is to append a line with its attempt to a file: what is there twice has begun twice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from durable_lambda import DurableContext, Retry, StepInterruptedError, current_step, durable_execution

FUNCTION = "pay_all"
STEPS = ("plain", "flaky", "threaded", "stubborn", "left", "right")
IN_BODY: list[Callable[[], None]] = []
"""Called in each body after its line is written."""


class Busy(Exception):  # noqa: N818  # a user's error
    """The bank is busy; it may not be later."""


@durable_execution
async def pay_all(event: str, ctx: DurableContext) -> dict[str, str]:
    retry = Retry.fixed(1, max_attempts=3, retry_on=Busy)
    stubborn = Retry.fixed(1, max_attempts=50, retry_on=StepInterruptedError)

    async def pay_with(name: str, body: Callable[..., Any], policy: Retry = retry) -> str:
        try:
            return await ctx.step(name, body, event, at_most_once=True, retry=policy, result_type=str)
        except StepInterruptedError:
            return "interrupted"

    outcomes = {
        "plain": await pay_with("plain", pay),
        "flaky": await pay_with("flaky", pay_when_free),
        "threaded": await pay_with("threaded", pay_on_thread),
        "stubborn": await pay_with("stubborn", pay, stubborn),
    }
    outcomes["left"], outcomes["right"] = await asyncio.gather(pay_with("left", pay), pay_with("right", pay))
    return outcomes


async def pay(event: str) -> str:
    _begin(event)
    await asyncio.sleep(0.002)
    return "paid"


async def pay_when_free(event: str) -> str:
    _begin(event)
    if current_step().attempt == 1:
        raise Busy
    return "paid"


def pay_on_thread(event: str) -> str:
    _begin(event)
    return "paid"


def _begin(event: str) -> None:
    attempt = current_step()
    with Path(os.environ["ORDER_EFFECTS"]).open("a") as file:
        file.write(f"{event} {attempt.name} {attempt.attempt}\n")
    for reach in IN_BODY:
        reach()
