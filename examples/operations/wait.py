"""wait: time passes, and nothing runs meanwhile. A newsletter greets a reader, and writes again a week later.

    $ durable run wait.py:welcome --event '"ada@example.org"' --skip-time
    ✓ greeting  step  succeeded
    ✓ a week  wait  succeeded  7 d 0 h
    ✓ tips  step  succeeded
    [
      "ada@example.org: welcome",
      "ada@example.org: three tips"
    ]

The moment at which the wait is over is stored. Without `--skip-time` you may end the process now and run the same
command, with the same `--name`, in a week.
"""

from datetime import timedelta

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def welcome(address: str, ctx: DurableContext) -> list[str]:
    greeting = await ctx.step("greeting", send, address, "welcome")
    await ctx.wait("a week", timedelta(days=7))  # from 1 second to 366 days
    tips = await ctx.step("tips", send, address, "three tips")
    return [greeting, tips]


async def send(address: str, subject: str) -> str:
    return f"{address}: {subject}"
