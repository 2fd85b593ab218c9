"""Checkpoints: which updates travel together, in which order, and how many calls that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from drive import Execution, after_turns
from durable_lambda import DurableContext
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend

MAX_BYTES = 750_000


class GatedBackend(RecordingBackend):
    """Keeps the first call in flight until `release` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.release = asyncio.Event()
        self.in_flight = 0
        self.most_in_flight = 0

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        answer = await super().checkpoint(arn, checkpoint_token, updates, client_token)
        if len(self.calls) == 1:
            await self.release.wait()
        self.in_flight -= 1
        return answer


async def number_of(value: int) -> int:
    return value


async def text_of(text: str) -> str:
    return text


def steps_of(*texts: str) -> Any:
    """A handler with a step for each text, all at the same time."""

    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(*(ctx.step(f"step-{number}", text_of, text) for number, text in enumerate(texts)))

    return handler


def shape(execution: Execution) -> list[list[tuple[str | None, str]]]:
    return [[(update.name, update.action) for update in call] for call in execution.calls]


def sizes(execution: Execution) -> list[int]:
    return [len(msgspec.json.encode(call)) for call in execution.calls]


def test_a_fast_step_is_one_call_with_start_and_succeed() -> None:
    execution = Execution(steps_of("a"))
    execution.result()
    assert shape(execution) == [[("step-0", "START"), ("step-0", "SUCCEED")]]


def test_five_steps_one_after_the_other_are_five_calls() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        for number in range(5):
            await ctx.step(f"step-{number}", number_of, number)

    execution = Execution(handler)
    execution.result()
    assert len(execution.calls) == 5


def test_a_child_context_with_a_step_is_two_calls() -> None:
    async def child(ctx: DurableContext) -> int:
        return await ctx.step("work", number_of, 1)

    async def handler(event: Any, ctx: DurableContext) -> int:
        return await ctx.run_in_child_context("group", child)

    execution = Execution(handler)
    execution.result()
    assert shape(execution) == [
        [("group", "START"), ("work", "START"), ("work", "SUCCEED")],
        [("group", "SUCCEED")],
    ]


async def one_step(item: Any, ctx: DurableContext) -> Any:
    return await ctx.step(f"work {item}", text_of, item)


def test_the_outcomes_of_branches_travel_with_that_of_their_batch() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.map("all", ["a", "b"], one_step, item_name=lambda item, _: item)

    execution = Execution(handler)
    execution.result()
    assert len(execution.calls) == 2
    assert shape(execution)[1] == [("a", "SUCCEED"), ("b", "SUCCEED"), ("all", "SUCCEED")]


def test_the_outcome_of_a_branch_travels_with_the_step_of_the_next() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.map("all", ["a", "b"], one_step, item_name=lambda item, _: item, max_concurrency=1)

    execution = Execution(handler)
    execution.result()
    assert shape(execution) == [
        [("all", "START"), ("a", "START"), ("work a", "START"), ("work a", "SUCCEED")],
        [("a", "SUCCEED"), ("b", "START"), ("work b", "START"), ("work b", "SUCCEED")],
        [("b", "SUCCEED"), ("all", "SUCCEED")],
    ]


def test_the_outcome_of_a_branch_is_sent_though_nothing_follows_while_another_branch_works() -> None:
    stored = asyncio.Event()
    backend = RecordingBackend()

    def notice(updates: list[OperationUpdate], answer: CheckpointResponse) -> CheckpointResponse:
        if any((update.name, update.action) == ("quick", "SUCCEED") for update in updates):
            stored.set()
        return answer

    backend.answer = notice

    async def quick(ctx: DurableContext) -> None: ...

    async def slow(ctx: DurableContext) -> None:
        await ctx.step("work", stored.wait)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.parallel("both", {"quick": quick, "slow": slow})

    Execution(handler, backend=backend).result()


def test_the_outcome_of_a_branch_is_stored_when_another_one_suspends_the_invocation() -> None:
    async def quick(ctx: DurableContext) -> None: ...

    async def slow(ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.parallel("both", {"slow": slow, "quick": quick})

    execution = Execution(handler)
    execution.suspends()
    assert execution.operation("quick").status == "SUCCEEDED"


def test_updates_made_in_one_tick_leave_together_and_in_order() -> None:
    execution = Execution(steps_of(*"abcdefghij"))
    execution.result()
    assert len(execution.calls) == 1
    for number in range(10):
        actions = [update.action for update in execution.calls[0] if update.name == f"step-{number}"]
        assert actions == ["START", "SUCCEED"]
    starts = [update.name for update in execution.calls[0] if update.action == "START"]
    assert starts == [f"step-{number}" for number in range(10)]


def test_updates_made_while_a_call_is_in_flight_leave_together_in_the_next() -> None:
    backend = GatedBackend()

    async def handler(event: Any, ctx: DurableContext) -> None:
        first = ctx.wait("first", 5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(backend.calls) == 1
        after_turns(backend.release.set)
        later = [ctx.step(f"later-{number}", number_of, number) for number in range(3)]
        await asyncio.gather(*later)
        await first

    execution = Execution(handler, backend=backend)
    execution.suspends()
    assert shape(execution)[0] == [("first", "START")]
    assert len(execution.calls) == 2
    assert len(execution.calls[1]) == 6


def test_one_call_is_in_flight_at_a_time() -> None:
    backend = GatedBackend()

    async def handler(event: Any, ctx: DurableContext) -> None:
        after_turns(backend.release.set)
        await asyncio.gather(*(ctx.step(f"step-{number}", asyncio.sleep, number / 1000) for number in range(5)))

    Execution(handler, backend=backend).result()
    assert backend.most_in_flight == 1
    assert len(backend.calls) >= 2


def test_each_call_spends_the_token_of_the_answer_before() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        for number in range(4):
            await ctx.step(f"step-{number}", number_of, number)

    execution = Execution(handler)
    execution.result()
    assert execution.backend.tokens == ["token-0", "token-1", "token-2", "token-3"]


def test_more_than_250_updates_are_split_in_order() -> None:
    execution = Execution(steps_of(*(str(number) for number in range(200))))
    execution.result()
    assert [len(call) for call in execution.calls] == [250, 150]
    one_call = [update for call in execution.calls for update in call]
    for number in range(200):
        assert [update.action for update in one_call if update.name == f"step-{number}"] == ["START", "SUCCEED"]


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, '"' * 100_000, "é" * 120_000, "\n" * 120_000, "\x01" * 40_000, "😀" * 60_000],
    ids=["ascii", "quotes", "accents", "newlines", "control characters", "emoji"],
)
def test_updates_over_750_kb_are_split_by_the_bytes_that_travel(text: str) -> None:
    execution = Execution(steps_of(*[text] * 10))
    execution.result()
    assert len(execution.calls) > 1
    assert max(sizes(execution)) <= MAX_BYTES
    assert min(sizes(execution)[:-1]) > MAX_BYTES / 2, "no more calls than needed"
    assert len(execution.backend.updates) == 20


def test_a_large_update_that_is_not_first_is_sent() -> None:
    execution = Execution(steps_of("small", "x" * 1_000_000, "small too"))
    execution.result()
    assert {update.name for update in execution.backend.updates if update.action == "SUCCEED"} == {
        "step-0",
        "step-1",
        "step-2",
    }
    assert len(execution.calls) > 1


def test_a_large_update_alone_is_sent() -> None:
    async def handler(event: Any, ctx: DurableContext) -> int:
        return len(await ctx.step("large", text_of, "x" * 1_048_574))

    execution = Execution(handler)
    assert execution.result() == 1_048_574
    assert execution.result() == 1_048_574


def test_start_delay_0_sends_the_start_before_the_body_ends() -> None:
    backend = RecordingBackend()
    seen: list[Any] = []

    async def body() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append([(update.name, update.action) for update in backend.updates])

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body)

    execution = Execution(handler, start_delay=0, backend=backend)
    execution.result()
    assert seen == [[("work", "START")]]
    assert shape(execution) == [[("work", "START")], [("work", "SUCCEED")]]


def test_the_start_of_a_slow_step_is_sent_after_the_start_delay() -> None:
    backend = RecordingBackend()

    async def until_it_is_visible() -> None:
        started = asyncio.Event()

        def answer(_: Any, response: CheckpointResponse) -> CheckpointResponse:
            started.set()
            return response

        backend.answer = answer
        await started.wait()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", until_it_is_visible)

    execution = Execution(handler, start_delay=0.01, backend=backend)
    execution.result()
    assert shape(execution) == [[("work", "START")], [("work", "SUCCEED")]]


def test_a_result_is_stored_before_the_code_goes_on() -> None:
    backend = RecordingBackend()

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        await ctx.step("work", number_of, 1)
        return [operation.status for operation in backend.operations.values()]

    assert Execution(handler, backend=backend).result() == ["SUCCEEDED"]


def test_a_wait_is_stored_before_the_invocation_suspends() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(ctx.wait("a", 5), ctx.wait("b", 5))

    execution = Execution(handler)
    execution.suspends()
    assert shape(execution) == [[("a", "START"), ("b", "START")]]
