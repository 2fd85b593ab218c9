"""Lines that are logged again."""

import logging
import warnings
from logging import getLogger

from durable_lambda import DurableContext, durable_execution

logger = logging.getLogger(__name__)
log = getLogger("x")


async def work() -> None: ...


@durable_execution
async def by_loggers(event: dict, ctx: DurableContext) -> None:
    logger.info("begun")  # DUR014
    log.warning("%s", event)  # DUR014
    logging.error("x")  # DUR014


@durable_execution
async def printed(event: dict, ctx: DurableContext) -> None:
    print("begun")  # DUR014
    await ctx.step("work", work)


@durable_execution
async def warned(event: dict, ctx: DurableContext) -> None:
    warnings.warn("old", stacklevel=1)  # DUR014


def tell(text: str) -> None:
    logger.debug(text)  # DUR014


@durable_execution
async def by_a_function(event: dict, ctx: DurableContext) -> None:
    tell("begun")


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    print("begun")  # DUR014
