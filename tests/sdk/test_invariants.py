"""Random programs, random timing, random crashes: the result is always the one that the program has.

A program is a tree of sequences, branches, child contexts, steps, waits and callbacks. Its result follows from the tree
alone, so it can be told in advance. It is run with bodies that take random turns, invocations that break off before or
after a checkpoint was stored, and a service that completes what is pending in random order.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drive import Execution
from durable_lambda import BackendError, DurableContext, Retry
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend

MAX_INVOCATIONS = 200


@dataclass(frozen=True)
class Leaf:
    kind: str  # step, thread, failing, flaky, wait, callback


@dataclass(frozen=True)
class Tree:
    kind: str  # sequence, gather, task_group, later, child, virtual, and those of `cut_off`
    parts: tuple[Any, ...]


leaves = st.sampled_from(["step", "thread", "failing", "flaky", "wait", "callback"]).map(Leaf)
programs = st.recursive(
    leaves,
    lambda parts: st.builds(
        Tree,
        st.sampled_from(["sequence", "gather", "task_group", "later", "child", "virtual"]),
        st.lists(parts, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=12,
)


cut_off = st.builds(Tree, st.sampled_from(["failing_group", "cancelled"]), st.tuples(programs, programs))
"""Programs whose branches are cancelled wherever they are; how far they came has no influence on the result."""
programs_with_cancellation = st.builds(Tree, st.just("sequence"), st.tuples(programs, cut_off, programs))


def expected(program: Any, path: str = "p") -> Any:
    """The result of a program."""
    if isinstance(program, Leaf):
        return {"wait": None, "failing": f"failed {path}"}.get(program.kind, path)
    if program.kind in ("failing_group", "cancelled"):
        return "cut off"
    return [expected(part, f"{path}.{number}") for number, part in enumerate(program.parts)]


class Run:
    """Runs a program with a timing of its own, and counts how often each body ran to its end."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.runs: Counter[str] = Counter()
        self.flaked: set[str] = set()

    async def turns(self) -> None:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)

    async def body(self, path: str) -> str:
        await self.turns()
        self.runs[path] += 1
        return path

    def thread_body(self, path: str) -> str:
        self.runs[path] += 1
        return path

    async def failing_body(self, path: str) -> str:
        await self.turns()
        self.runs[path] += 1
        raise LookupError(f"failed {path}")

    async def flaky_body(self, path: str) -> str:
        if path not in self.flaked:
            self.flaked.add(path)
            raise ConnectionError(path)
        return await self.body(path)

    async def leaf(self, kind: str, ctx: DurableContext, path: str) -> Any:
        match kind:
            case "wait":
                return await ctx.wait(path, 60)
            case "callback":
                return await ctx.callback_result(await ctx.create_callback(path))
            case "failing":
                try:
                    return await ctx.step(path, self.failing_body, path, retry=0)
                except LookupError as error:
                    return error.args[0]
            case _:
                body: Any = {"step": self.body, "thread": self.thread_body, "flaky": self.flaky_body}[kind]
                return await ctx.step(path, body, path, retry=Retry.fixed(1))

    async def run(self, program: Any, ctx: DurableContext, path: str = "p") -> Any:
        if isinstance(program, Leaf):
            return await self.leaf(program.kind, ctx, path)
        parts = [(part, f"{path}.{number}") for number, part in enumerate(program.parts)]

        async def all_of(ctx: DurableContext) -> list[Any]:
            return [await self.run(part, ctx, at) for part, at in parts]

        match program.kind:
            case "sequence":
                result = await all_of(ctx)
            case "gather":
                result = await asyncio.gather(*(self.run(part, ctx, at) for part, at in parts))
            case "task_group":
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self.run(part, ctx, at)) for part, at in parts]
                result = [task.result() for task in tasks]
            case "later":
                tasks = [asyncio.ensure_future(self.run(part, ctx, at)) for part, at in parts]
                result = list(reversed([await task for task in reversed(tasks)]))
            case "failing_group":
                result = await self.failing_group(parts, ctx, path)
            case "cancelled":
                result = await self.cancelled(all_of(ctx), ctx, path)
            case _:
                result = await ctx.run_in_child_context(path, all_of, virtual=program.kind == "virtual")
        return result

    async def cancelled(self, branch: Coroutine[Any, Any, Any], ctx: DurableContext, path: str) -> str:
        """A branch that is cancelled after a step, wherever it is then."""
        task = asyncio.ensure_future(branch)
        await ctx.step(f"{path} meanwhile", self.body, f"{path} meanwhile")
        task.cancel()
        await asyncio.wait([task])
        return "cut off"

    async def failing_group(self, parts: list[tuple[Any, str]], ctx: DurableContext, path: str) -> str:
        """A task group that a failing step ends, whatever its other branches are at."""
        try:
            async with asyncio.TaskGroup() as group:
                for part, at in parts:
                    group.create_task(self.run(part, ctx, at))
                await ctx.step(f"{path} fails", self.failing_body, path, retry=0)
        except ExceptionGroup:
            return "cut off"
        return "not cut off"


class CrashingBackend(RecordingBackend):
    """Breaks off, at calls that are drawn, before or after it has stored the updates."""

    def __init__(self, seed: int, chance: float) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.chance = chance

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        drawn = self.random.random()
        if drawn < self.chance / 2:
            raise OSError("crash before the updates are stored")
        for update in updates:
            known = self.operations.get(update.id)
            assert known is None or not known.is_terminal, f"{update.name} has ended and is updated: {update.action}"
        answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
        if drawn < self.chance:
            raise OSError("crash after the updates are stored")
        return answer


def complete_something(execution: Execution, chance: random.Random) -> bool:
    """The service or the outside world moves some of what is pending."""
    pending = [
        operation
        for operation in execution.backend.operations.values()
        if (operation.type == "WAIT" and operation.status == "STARTED")
        or (operation.type == "CALLBACK" and operation.status == "STARTED")
        or (operation.type == "STEP" and operation.status == "PENDING")
    ]
    for operation in chance.sample(pending, chance.randint(1, len(pending)) if pending else 0):
        if operation.type == "CALLBACK":
            execution.answer(operation.name or "", operation.name)
        else:
            execution.change_by_id(operation, status="SUCCEEDED" if operation.type == "WAIT" else "READY")
    return bool(pending)


def to_the_end(program: Any, seed: int, crashes: float) -> tuple[Run, Execution, dict[str, Any]]:
    """Invoke until the execution ends: what ran, the execution, and its last answer."""
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
    raise AssertionError("it does not end")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs, st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.3]))
def test_a_program_ends_with_its_result(program: Any, seed: int, crashes: float) -> None:
    ran, execution, envelope = to_the_end(program, seed, crashes)
    assert envelope == {"Status": "SUCCEEDED", "Result": expected(program)}
    if not crashes:
        assert max(ran.runs.values(), default=1) == 1, "a completed body ran again"

    finished = dict(execution.backend.operations)
    runs = ran.runs.total()
    assert execution.run() == envelope, "a replay of everything is the same"
    assert (execution.calls, ran.runs.total()) == ([], runs)
    assert execution.backend.operations == finished
    assert all(operation.is_terminal for operation in finished.values())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs_with_cancellation, st.integers(0, 2**32), st.sampled_from([0.0, 0.2]))
def test_a_program_with_cancelled_branches_ends_with_its_result(program: Any, seed: int, crashes: float) -> None:
    _, execution, envelope = to_the_end(program, seed, crashes)
    assert envelope == {"Status": "SUCCEEDED", "Result": expected(program)}
    assert execution.run() == envelope, "a replay of everything is the same"


@settings(max_examples=50, deadline=None)
@given(programs, st.integers(0, 2**32), st.integers(0, 2**32))
def test_ids_do_not_depend_on_timing(program: Any, seed: int, other_seed: int) -> None:
    ids = []
    for each in (seed, other_seed):
        ran = Run(each)

        async def handler(event: Any, ctx: DurableContext, ran: Run = ran) -> Any:
            return await ran.run(program, ctx)

        chance = random.Random(each)
        execution = Execution(handler)
        while execution.run()["Status"] == "PENDING":
            complete_something(execution, chance)
        ids.append(execution.ids)
    assert ids[0] == ids[1]
