"""`current_step()`: what a body can learn of the attempt that it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError, current_step, durable_execution
from recording import ARN, invocation

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"


def seen_by(body: Any, **options: Any) -> Any:
    """What a body returned, as a step named work."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", body, **options)

    return Execution(handler).result()


def attempt() -> dict[str, Any]:
    step = current_step()
    return {"attempt": step.attempt, "name": step.name, "id": step.operation_id, "key": step.idempotency_key}


async def attempt_async() -> dict[str, Any]:
    return (await asyncio.gather(asyncio.sleep(0), nested_attempt()))[1]


async def nested_attempt() -> dict[str, Any]:
    return attempt()


@pytest.mark.parametrize("inline", [False, True])
def test_current_step_tells_of_the_attempt(inline: bool) -> None:
    seen = seen_by(attempt, inline=inline)
    assert (seen["attempt"], seen["name"], seen["id"]) == (1, "work", FIRST_ID)


def test_current_step_works_in_tasks_of_the_body() -> None:
    seen = seen_by(attempt_async)
    assert (seen["attempt"], seen["name"]) == (1, "work")


def test_current_step_works_in_a_coroutine_that_a_def_returned() -> None:
    seen = seen_by(lambda: nested_attempt())  # noqa: PLW0108
    assert seen["name"] == "work"


def test_steps_at_the_same_time_have_their_own_current_step() -> None:
    async def body(turns: int) -> str | None:
        for _ in range(turns):
            await asyncio.sleep(0)
        return current_step().name

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await asyncio.gather(*(ctx.step(f"step-{number}", body, 5 - number) for number in range(5)))

    assert Execution(handler).result() == [f"step-{number}" for number in range(5)]


def test_current_step_outside_a_body_is_refused() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)
        current_step()

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "current_step() is for the body of a step" in error["ErrorMessage"]
    with pytest.raises(ValidationError):
        current_step()


def test_idempotency_keys_differ_between_steps_and_are_32_hexadecimal_characters() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return [(await ctx.step(f"step-{number}", attempt))["key"] for number in range(5)]

    keys = Execution(handler).result()
    assert len(set(keys)) == 5
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for key in keys)


def test_idempotency_keys_differ_between_executions() -> None:
    from recording import ARN

    async def handler(event: Any, ctx: DurableContext) -> str:
        return (await ctx.step("work", attempt))["key"]

    def key_of(arn: str) -> Any:
        backend = Execution(handler).backend
        event = invocation() | {"DurableExecutionArn": arn}
        return durable_execution(backend=backend)(handler)(event, None)["Result"]

    assert key_of(ARN) == key_of(ARN)
    assert key_of(ARN) != key_of(ARN[:-1] + "0")


def test_the_logger_of_a_body_has_the_fields_of_the_attempt(caplog: pytest.LogCaptureFixture) -> None:
    def body() -> None:
        current_step().logger.warning("from the body")

    seen_by(body)
    [record] = caplog.records
    fields = vars(record)
    assert (fields["executionArn"], fields["operationId"], fields["operationName"], fields["attempt"]) == (
        ARN,
        FIRST_ID,
        "work",
        1,
    )
