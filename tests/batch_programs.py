"""Random programs of batches, sagas, conditions and batched checkpoints, with results that can be told in advance.

As in `test_invariants`, a program is a tree. It is run with random timing, crashes before and after a checkpoint was
stored, and a service that completes what is pending in random order. Programs that race have no such result, and those
that are cut off only where they are not; of these a replay must tell what the first run told.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from drive import Execution
from durable_lambda import BackendError, Completion, DurableContext, Poll, Retry
from prefixes import RememberingBackend, as_the_service_tells_it

MAX_INVOCATIONS = 300


@dataclass(frozen=True)
class Leaf:
    kind: str


@dataclass(frozen=True)
class Tree:
    kind: str
    parts: tuple[Any, ...]
    limit: int | None
    nesting: str


LEAVES = ["step", "flaky", "failing", "wait", "callback", "condition", "asked", "retried", "values"]
TREES = ["sequence", "gather", "parallel", "map", "batching", "saga", "child", "timeout"]

leaves = st.sampled_from(LEAVES).map(Leaf)
programs = st.recursive(
    leaves,
    lambda parts: st.builds(
        Tree,
        st.sampled_from(TREES),
        st.lists(parts, min_size=1, max_size=4).map(tuple),
        st.sampled_from([None, 1, 2]),
        st.sampled_from(["nested", "flat"]),
    ),
    max_leaves=10,
)
races = st.builds(
    Tree, st.just("race"), st.lists(programs, min_size=2, max_size=3).map(tuple), st.just(None), st.just("nested")
)
cut = st.builds(
    Tree, st.just("cancelled"), st.lists(programs, min_size=1, max_size=3).map(tuple), st.just(None), st.just("nested")
)
programs_with_cuts = st.builds(
    Tree, st.just("sequence"), st.tuples(programs, cut, programs), st.just(None), st.just("nested")
)
cut_in_branch = st.builds(
    Tree,
    st.sampled_from(["parallel", "map", "timeout", "child", "gather"]),
    st.tuples(programs_with_cuts, programs),
    st.sampled_from([None, 1]),
    st.sampled_from(["nested", "flat"]),
)
programs_with_races = st.builds(
    Tree, st.just("sequence"), st.tuples(programs, races, programs), st.just(None), st.just("nested")
)


def expected(program: Any, path: str = "p") -> Any:
    """The result of a program, as far as it follows from the tree."""
    if isinstance(program, Leaf):
        return {"wait": None, "failing": f"failed {path}", "condition": 3}.get(program.kind, path)
    if program.kind == "cancelled":
        return "cut off"
    parts = [expected(part, f"{path}.{number}") for number, part in enumerate(program.parts)]
    return ["undone", *parts] if program.kind == "saga" else parts


class Run:
    """Runs a program with a timing of its own; counts how often each body ran, and notes what was undone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.runs: Counter[str] = Counter()
        self.flaked: set[str] = set()

    async def body(self, path: str) -> str:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        self.runs[path] += 1
        return path

    async def flaky(self, path: str) -> str:
        if path not in self.flaked:
            self.flaked.add(path)
            raise ConnectionError(path)
        return await self.body(path)

    async def failing(self, path: str) -> str:
        await self.body(path)
        raise LookupError(f"failed {path}")

    async def submit(self, callback_id: str, path: str) -> None:
        await self.body(f"{path} submitted")

    async def undo(self, result: str, path: str) -> None:
        assert result == path
        await self.body(f"{path} undone")

    async def leaf(self, kind: str, ctx: DurableContext, path: str) -> Any:  # noqa: PLR0911  # one for each kind
        match kind:
            case "wait":
                return await ctx.wait(path, 60)
            case "callback":
                return await ctx.callback_result(await ctx.create_callback(path))
            case "asked":
                return await ctx.wait_for_callback(path, self.submit, path, retry=Retry.fixed(1))
            case "condition":
                return await ctx.wait_for_condition(
                    path, self.count, initial_state=0, until=lambda state: state >= 3, poll=Poll(initial_delay=1)
                )
            case "retried":
                return await ctx.with_retry(path, self.block, path, retry=Retry.fixed(1, max_attempts=10**6))
            case "values":
                before = [str(ctx.uuid()), ctx.random().random(), ctx.patched(path)]
                moment = await ctx.now()
                await ctx.wait(f"{path} pause", 60)
                return path if before[2] and moment and str(ctx.uuid()) != before[0] else "changed"
            case "failing":
                try:
                    return await ctx.step(path, self.failing, path, retry=0)
                except LookupError as error:
                    return error.args[0]
            case _:
                body = self.flaky if kind == "flaky" else self.body
                return await ctx.step(path, body, path, retry=Retry.fixed(1))

    async def count(self, state: int) -> int:
        return state + 1

    async def block(self, path: str, ctx: DurableContext) -> str:
        done = await ctx.step(f"{path} first", self.body, path)
        if await ctx.step(f"{path} second", self.is_first, path):
            raise ConnectionError(path)
        return done

    async def is_first(self, path: str) -> bool:
        first = path not in self.flaked
        self.flaked.add(path)
        return first

    async def run(self, program: Any, ctx: DurableContext, path: str = "p") -> Any:  # noqa: PLR0911
        if isinstance(program, Leaf):
            return await self.leaf(program.kind, ctx, path)
        parts = [(part, f"{path}.{number}") for number, part in enumerate(program.parts)]
        options: dict[str, Any] = {"max_concurrency": program.limit, "nesting": program.nesting}

        async def one(item: tuple[Any, str], ctx: DurableContext) -> Any:
            return await self.run(item[0], ctx, item[1])

        def branch(item: tuple[Any, str]) -> Any:
            return lambda ctx: one(item, ctx)

        async def all_of(ctx: DurableContext) -> list[Any]:
            return [await one(item, ctx) for item in parts]

        match program.kind:
            case "sequence":
                return await all_of(ctx)
            case "gather":
                return await asyncio.gather(*(one(item, ctx) for item in parts))
            case "parallel":
                return (await ctx.parallel(path, [branch(item) for item in parts], **options)).results()
            case "map":
                return (await ctx.map(path, parts, one, batch_size=program.limit, **options)).results()
            case "batching":
                async with ctx.batch_checkpoints():
                    return await all_of(ctx)
            case "saga":
                return await self.saga(all_of, ctx, path)
            case "timeout":
                return await ctx.timeout(path, 10**6, all_of)
            case "cancelled":
                task = asyncio.ensure_future(all_of(ctx))
                await ctx.step(f"{path} meanwhile", self.body, f"{path} meanwhile")
                task.cancel()
                await asyncio.wait([task])
                return "cut off"
            case "race":
                completion = Completion.at_least(1)
                batch = await ctx.parallel(path, [branch(item) for item in parts], completion=completion)
                return [[item.status, item.result] for item in batch]
            case _:
                return await ctx.run_in_child_context(path, all_of, virtual=program.nesting == "flat")

    async def saga(self, all_of: Any, ctx: DurableContext, path: str) -> list[Any]:
        parts: list[Any] = []
        try:
            async with ctx.saga(f"saga {path}") as saga:
                for name in ("one", "two"):
                    at = f"{path} {name}"
                    await saga.step(at, self.body, at, compensate=self.undo, compensation_retry=Retry.fixed(1))
                parts = await all_of(ctx)
                raise LookupError("changed its mind")
        except LookupError:
            return ["undone", *parts]


class CrashingBackend(RememberingBackend):
    """Breaks off, at calls that are drawn, before or after it has stored the updates."""

    def __init__(self, seed: int, chance: float) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.chance = chance

    async def checkpoint(self, *args: Any, **options: Any) -> Any:
        drawn = self.random.random()
        if drawn < self.chance / 2:
            raise OSError("crash before the updates are stored")
        answer = await super().checkpoint(*args, **options)
        if drawn < self.chance:
            raise OSError("crash after the updates are stored")
        return answer


def complete_something(execution: Execution, chance: random.Random) -> bool:
    """The service or the outside world moves some of what is pending; the timers of `timeout` are far away."""
    pending = [
        operation
        for operation in execution.backend.operations.values()
        if (operation.type in ("WAIT", "CALLBACK") and operation.status == "STARTED" and operation.name != "timeout")
        or (operation.type == "STEP" and operation.status == "PENDING")
    ]
    for operation in chance.sample(pending, chance.randint(1, len(pending)) if pending else 0):
        if operation.type == "CALLBACK":
            known = operation.callback_details
            assert known is not None
            answer = (operation.name or "").removesuffix(" create callback id")
            details = type(known)(known.callback_id, f'"{answer}"')
            execution.change_by_id(operation, status="SUCCEEDED", callback_details=details)
        else:
            execution.change_by_id(operation, status="SUCCEEDED" if operation.type == "WAIT" else "READY")
    return bool(pending)


def to_the_end(
    program: Any, seed: int, crashes: float, *, keeps_all: bool = False
) -> tuple[Run, Execution, dict[str, Any]]:
    """Invoke until the execution ends. Half of the histories are told without what is below a completed context."""
    ran = Run(seed)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ran.run(program, ctx)

    chance = random.Random(seed)
    execution = Execution(handler, backend=CrashingBackend(seed, crashes), start_delay=chance.choice([0, 0.05]))
    for _ in range(MAX_INVOCATIONS):
        try:
            envelope = execution.run()
        except BackendError:
            continue
        if envelope["Status"] != "PENDING":
            return ran, execution, envelope
        assert complete_something(execution, chance), "PENDING with nothing pending"
        if seed % 2 and not keeps_all:
            execution.backend.operations = as_the_service_tells_it(execution.backend.operations)
    raise AssertionError("it does not end")
