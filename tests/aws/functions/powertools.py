"""A durable function beside Powertools: its logger around the handler, its tracer on handler and steps."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer

from durable_lambda import DurableContext, durable_execution

logger = Logger(service="orders")
tracer = Tracer(service="orders", auto_patch=False)


@tracer.capture_method
async def charge(amount: int) -> int:
    logger.info("charging")
    return amount


@tracer.capture_method
def ship() -> str:
    logger.info("shipping")
    return "shipped"


@durable_execution
async def order(event: Any, ctx: DurableContext) -> Any:
    ctx.logger.info("begun")
    charged = await ctx.step("charge", charge, event["a"])
    await ctx.wait("cool-down", 60)
    return [charged, await ctx.step("ship", ship)]


handler = logger.inject_lambda_context(tracer.capture_lambda_handler(order))


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def by_hand(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return order(event, context)
