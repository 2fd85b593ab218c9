"""What lives in the process and decides nothing, and what decides and lives in the function."""

from durable_lambda import DurableContext, DurableHandler, SyncDurableContext, durable_execution

CLIENTS: dict[str, object] = {}
RATES: dict[str, float] = {}
LIMIT = 3
LIMIT += 1
IS_DEBUG = False
REGISTRY: dict[str, str] = {}
REGISTRY["a"] = "b"
client: object = None


async def work(*args: object) -> str:
    return "x"


def get_client() -> object:
    global client
    if client is None:
        client = object()
    return client


@durable_execution
async def a_client(event: str, ctx: DurableContext) -> str:
    get_client()
    if event not in CLIENTS:
        CLIENTS[event] = object()
    return await ctx.step("work", work, event)


@durable_execution
async def a_cache_of_its_own(event: list[str], ctx: DurableContext) -> dict:
    cache: dict[str, str] = {}
    tries = 0
    for each in event:
        if each not in cache:
            cache[each] = await ctx.step("work", work, each)
    while tries < 3:
        tries += 1
        await ctx.step("work", work)
    return cache


async def rate(currency: str) -> float:
    if currency not in RATES:
        RATES[currency] = 1.0
    return RATES[currency]


@durable_execution
async def a_cache_that_steps_use(event: str, ctx: DurableContext) -> float:
    return await ctx.step("rate", rate, event)


@durable_execution
async def constants(event: int, ctx: DurableContext) -> None:
    if event > LIMIT or IS_DEBUG or event in REGISTRY:
        await ctx.step("work", work)


class Orders(DurableHandler):
    def __init__(self, is_strict: bool = False) -> None:
        self.is_strict = is_strict
        self.handled = 0

    async def handle(self, event: str, ctx: DurableContext) -> None:
        self.handled += 1
        if self.is_strict:
            await ctx.step("check", work)
        if self.handled > 5:
            ctx.logger.info("busy")


orders = Orders()


@durable_execution
async def shadowed(event: str, ctx: DurableContext) -> None:
    client = await ctx.step("work", work)
    if client == "x":
        await ctx.step("work", work)
        client = "y"


@durable_execution
def blocking(event: str, ctx: SyncDurableContext) -> str:
    seen: list[str] = []
    if event not in seen:
        seen.append(event)
        return ctx.step("work", len, event)
    return ""
