"""Lines that are silenced, and lines that are not."""

import time
import uuid

from durable_lambda import DurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def handler(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work, time.time())  # noqa: DUR001
    await ctx.step("work", work, time.time())  # noqa
    await ctx.step("work", work, time.time(), uuid.uuid4())  # noqa: DUR001, DUR002
    await ctx.step("work", work, time.time())  # noqa: E501,DUR001 because it is only shown
    await ctx.step("work", work, time.time())  # NOQA:DUR001
    text = "# noqa is a comment"
    await ctx.step("work", work, time.time(), uuid.uuid4())  # noqa: DUR002 # DUR001
    await ctx.step("work", work, time.time())  # noqa: E501 # DUR001
    await ctx.step(f"work-{uuid.uuid4()}-{text}", work)  # noqa: DUR002 # DUR009
