"""Operations that depend on what an earlier invocation of the same process has left."""

from durable_lambda import DurableContext, DurableHandler, SyncDurableContext, durable_execution

CACHE: dict[str, str] = {}
SEEN: set[str] = set()
config: dict | None = None
tries = 0


async def work(*args: object) -> str:
    return "x"


@durable_execution
async def a_cache(event: str, ctx: DurableContext) -> str:
    if event not in CACHE:  # DUR019
        CACHE[event] = await ctx.step("work", work, event)
    return CACHE[event]


@durable_execution
async def made_once(event: str, ctx: DurableContext) -> dict:
    global config
    if config is None:  # DUR019
        config = {"key": await ctx.step("work", work)}
    return config


@durable_execution
async def leaves_early(event: str, ctx: DurableContext) -> str:
    if event in SEEN:  # DUR019
        return "again"
    SEEN.add(event)
    return await ctx.step("work", work, event)


@durable_execution
async def counts(event: str, ctx: DurableContext) -> None:
    global tries
    while tries < 3:  # DUR019
        tries += 1
        await ctx.step("work", work)


@durable_execution
async def in_an_expression(event: str, ctx: DurableContext) -> str:
    CACHE.setdefault("first", event)
    return CACHE[event] if event in CACHE else await ctx.step("work", work)  # DUR019


class Orders(DurableHandler):
    def __init__(self) -> None:
        self.is_warm = False
        self.known: list[str] = []

    async def handle(self, event: str, ctx: DurableContext) -> str:
        if not self.is_warm:  # DUR019
            await ctx.step("warm", work)
            self.is_warm = True
        if event in self.known:  # DUR019
            await ctx.step("again", work)
        self.known.append(event)
        return event


async def fetched(event: str, ctx: DurableContext) -> str:
    if event not in CACHE:  # DUR019
        CACHE[event] = await ctx.step("work", work, event)
    return CACHE[event]


@durable_execution
async def in_what_it_calls(event: str, ctx: DurableContext) -> str:
    return await fetched(event, ctx)


@durable_execution
def blocking(event: str, ctx: SyncDurableContext) -> str:
    if event not in CACHE:  # DUR019
        CACHE[event] = ctx.step("work", len, event)
    return CACHE[event]
