"""Lines that are logged once."""

import logging

from durable_lambda import DurableContext, current_step, durable_execution

logger = logging.getLogger(__name__)


async def work() -> None:
    logger.info("in the step")
    current_step().logger.info("in the step")


@durable_execution
async def by_the_context(event: dict, ctx: DurableContext) -> None:
    ctx.logger.info("begun")
    log = ctx.logger
    log.info("begun")


@durable_execution
async def in_steps(event: dict, ctx: DurableContext) -> None:
    await ctx.step("work", work)
    await ctx.step("print", print, "x")


@durable_execution
async def of_another_name(event: dict, ctx: DurableContext, print=None) -> None:
    if print:
        print("x")
    event["logger"].info("x")


@durable_execution
async def a_logger_is_made(event: dict, ctx: DurableContext) -> None:
    logging.getLogger("x").setLevel(logging.INFO)


def main() -> None:
    print("not durable")


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    ctx.logger.info("begun")
