"""Operations inside of steps."""

from functools import partial

from durable_lambda import DurableContext, SyncDurableContext, durable_execution


async def work(*args: object) -> None: ...


@durable_execution
async def in_a_body(event: dict, ctx: DurableContext) -> None:
    async def body() -> None:
        await ctx.wait("pause", 5)  # DUR007

    await ctx.step("body", body)
    await ctx.step("lambda", lambda: ctx.step("inner", work))  # DUR007
    await ctx.step("partial", partial(body))


@durable_execution
async def in_other_bodies(event: dict, ctx: DurableContext) -> None:
    async def submit(callback_id: str) -> None:
        await ctx.step("send", work, callback_id)  # DUR007

    async def look(state: int) -> int:
        return state + len(await ctx.invoke("other", "fn"))  # DUR007

    async def undo(result: None) -> None:
        await ctx.step("undo", work)  # DUR007

    await ctx.wait_for_callback("answer", submit)
    await ctx.wait_for_condition("ready", look, initial_state=0, until=bool)
    async with ctx.saga() as saga:
        await saga.step("do", work, compensate=undo)


@durable_execution
async def deterministic_values_too(event: dict, ctx: DurableContext) -> None:
    await ctx.step("id", lambda: ctx.uuid())  # DUR007
    await ctx.step("now", lambda: ctx.now())  # DUR007


async def helper(ctx: DurableContext) -> None:
    await ctx.step("inner", work)


@durable_execution
async def in_what_a_body_calls(event: dict, ctx: DurableContext) -> None:
    async def body() -> None:
        await helper(ctx)  # DUR007

    await helper(ctx)
    await ctx.step("body", body)


async def only_called_by_a_body(context) -> None:
    await context.wait("pause", 5)  # DUR007


@durable_execution
async def in_what_only_a_body_calls(event: dict, ctx: DurableContext) -> None:
    async def body() -> None:
        await only_called_by_a_body(ctx)

    await ctx.step("body", body)


@durable_execution
def blocking(event: dict, ctx: SyncDurableContext) -> None:
    def body() -> None:
        ctx.step("inner", work)  # DUR007

    ctx.step("body", body)


@durable_execution
async def with_another_name(event: dict, ctx: DurableContext) -> None:
    c = ctx
    start = ctx.step

    async def body() -> None:
        await c.wait("pause", 5)  # DUR007
        await start("inner", work)  # DUR007

    await ctx.step("body", body)
