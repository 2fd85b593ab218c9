"""Operations in children, branches and blocks; and bodies that use what a context knows."""

from functools import partial

from durable_lambda import DurableContext, current_step, durable_execution


async def work(*args: object) -> None: ...


async def child(name: str, ctx: DurableContext) -> None:
    await ctx.step("inner", work, name)


@durable_execution
async def in_children(event: dict, ctx: DurableContext) -> None:
    await ctx.run_in_child_context("child", child, "a")
    await ctx.with_retry("again", child, "a", retry=2)
    await ctx.timeout("limit", 60, child, "a")


@durable_execution
async def in_branches(event: dict, ctx: DurableContext) -> None:
    await ctx.parallel("both", [partial(child, "a"), lambda ctx: ctx.wait("pause", 5)])
    await ctx.map("all", event["names"], child)
    await ctx.first("race", a=partial(child, "a"), b=lambda ctx: child("b", ctx))


@durable_execution
async def with_a_context_of_its_own(event: dict, ctx: DurableContext) -> None:
    async def inner(ctx: DurableContext) -> None:
        async def body() -> None:
            await work(current_step().attempt)

        await ctx.step("body", body)

    await ctx.run_in_child_context("inner", inner)


@durable_execution
async def what_the_context_knows(event: dict, ctx: DurableContext) -> None:
    async def body() -> str:
        ctx.logger.info("in the body")
        return ctx.execution_name

    await ctx.step("body", body)


@durable_execution
async def something_else_with_a_step(event: dict, ctx: DurableContext) -> None:
    wizard = event["wizard"]

    async def body() -> None:
        await wizard.step("next", work)
        wizard.wait("x", 5)

    await ctx.step("body", body)


@durable_execution
async def an_operation_as_an_argument(event: dict, ctx: DurableContext) -> None:
    await ctx.step("outer", work, await ctx.step("inner", work))


@durable_execution
def blocking(event: dict, ctx: DurableContext) -> None:
    def inner(ctx: DurableContext) -> None:
        ctx.step("inner", work)

    ctx.run_in_child_context("inner", inner)
