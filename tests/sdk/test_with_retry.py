"""`with_retry`: a block of operations that is tried again as a whole, after durable waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Retry, ValidationError
from prefixes import same_at_every_prefix, to_the_end


class DeclinedError(Exception):
    pass


@dataclass
class Receipt:
    number: int


def block_that_fails(times: int) -> Any:
    """A block of two operations; the second fails so many times. It counts by its operations, as durable code does."""

    async def block(what: str, ctx: DurableContext) -> Receipt:
        number = await ctx.step("reserve", lambda: 1)
        attempts = await ctx.step("attempt", attempt)
        if attempts <= times:
            raise DeclinedError(f"attempt {attempts} of {what}")
        return Receipt(number + attempts)

    counter = [0]

    def attempt() -> int:
        counter[0] += 1
        return counter[0]

    return block


def trying(times: int, retry: Any = 3, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        receipt = await ctx.with_retry("pay", block_of[0], "order", retry=retry, **options)
        return [type(receipt).__name__, receipt.number]

    block_of = [block_that_fails(times)]
    return handler


def test_a_block_that_succeeds_is_a_child_context() -> None:
    execution = Execution(trying(0))
    assert execution.result() == execution.result() == ["Receipt", 2]
    group = execution.operation("pay")
    assert (group.type, group.sub_type, group.status) == ("CONTEXT", "RunInChildContext", "SUCCEEDED")
    assert execution.operation("reserve").parent_id == group.id


def test_each_attempt_has_operations_of_its_own_with_a_wait_between() -> None:
    execution = Execution(trying(2))
    assert to_the_end(execution)["Result"] == ["Receipt", 4]
    names = [op.name for op in execution.backend.operations.values()]
    attempt = ["reserve", "attempt"]
    assert names == ["pay", *attempt, "pay-backoff-1", *attempt, "pay-backoff-2", *attempt]
    assert execution.result() == ["Receipt", 4]
    assert execution.calls == []


def test_an_attempt_is_made_when_its_wait_is_over_and_not_sooner() -> None:
    execution = Execution(trying(1))
    execution.suspends()
    execution.suspends()
    assert execution.sent == []
    execution.elapse()
    assert execution.result() == ["Receipt", 3]


def test_the_waits_are_those_of_the_policy() -> None:
    execution = Execution(trying(2, Retry(max_attempts=3, initial_delay=7, backoff=3, jitter="none")))
    to_the_end(execution)
    waits = [update.wait_options for update in execution.backend.updates if update.type == "WAIT"]
    assert [options.wait_seconds for options in waits if options is not None] == [7, 21]


def test_the_last_failure_is_raised_with_its_own_type_the_same_on_replay() -> None:
    async def fails(ctx: DurableContext) -> None:
        await ctx.step("work", str)
        raise DeclinedError("no")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.with_retry("pay", fails, retry=1)
        except DeclinedError as error:
            await ctx.wait("pause", 60)
            return repr(error)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.suspends()
    execution.elapse()
    assert execution.result() == "DeclinedError('no')"


def test_what_the_policy_does_not_name_is_not_tried_again() -> None:
    execution = Execution(trying(1, Retry(retry_on=ConnectionError)))
    assert execution.error()["ErrorMessage"] == "attempt 1 of order"


def test_programming_errors_are_not_tried_again() -> None:
    async def wrong(ctx: DurableContext) -> None:
        undefined  # type: ignore[name-defined]  # noqa: B018, F821

    async def handler(event: Any, ctx: DurableContext) -> Any:
        await ctx.with_retry("pay", wrong)

    assert Execution(handler).error()["ErrorType"] == "NameError"


def test_an_unnamed_block_has_unnamed_waits() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.with_retry(None, block, "order", retry=1)).number

    block = block_that_fails(1)
    execution = Execution(handler)
    execution.suspends()
    assert ("WAIT", None, "START") in execution.sent


def test_a_block_may_have_children_and_batches() -> None:
    failed: list[int] = []

    async def item(item: int, ctx: DurableContext) -> int:
        await ctx.wait(f"pause {item}", 5)
        if item == 1 and not failed:
            failed.append(1)
            raise ConnectionError
        return item

    async def block(ctx: DurableContext) -> list[int]:
        return (await ctx.map("map", [1, 2], item)).results()

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.with_retry("block", block, retry=Retry.fixed(1))

    execution = Execution(handler)
    assert to_the_end(execution)["Result"] == [1, 2]
    assert execution.result() == [1, 2]


@pytest.mark.parametrize("retry", [-1, "3", True, 1.5])
def test_a_retry_that_cannot_be_right_is_refused_before_anything_is_sent(retry: Any) -> None:
    execution = Execution(trying(0, retry))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert execution.calls == []


def test_result_type_goes_before_the_annotation() -> None:
    async def block(ctx: DurableContext) -> Any:
        return {"number": 5}

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return (await ctx.with_retry("pay", block, result_type=Receipt)).number

    assert same_at_every_prefix(handler).result() == 5


def test_a_coroutine_in_place_of_a_function_is_refused_with_the_right_call() -> None:
    async def block(ctx: DurableContext) -> None: ...

    async def handler(event: Any, ctx: DurableContext) -> Any:
        with pytest.raises(ValidationError, match=r"ctx\.with_retry\(name, block, …\), not block\(…\)"):
            await ctx.with_retry("pay", block(ctx))  # type: ignore[arg-type, call-overload]

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []
