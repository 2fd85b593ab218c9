"""Attempts that a crash cut off: run again by default, and never again with `at_most_once`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Retry, StepInterruptedError, current_step


async def numbered() -> int:
    """A body that tells which attempt it is."""
    return current_step().attempt


def step_of(body: Any, **options: Any) -> Execution:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", body, **options)

    return Execution(handler)


def test_at_most_once_stores_its_start_before_the_body_runs() -> None:
    seen: list[Any] = []

    async def body() -> None:
        seen.append([update.action for update in execution.backend.updates])

    execution = step_of(body, at_most_once=True)
    execution.result()
    assert seen == [["START"]]
    assert [[update.action for update in call] for call in execution.calls] == [["START"], ["SUCCEED"]]


def interrupted(body: Any, **options: Any) -> Execution:
    """An execution whose process ended after the START of its step."""
    execution = step_of(body, **options)
    execution.backend.answer = lambda _, answer: (_ for _ in ()).throw(OSError("the process ends"))
    execution.start_delay = 0
    with pytest.raises(Exception, match="the process ends"):
        execution.run()
    execution.backend.answer = lambda _, answer: answer
    assert execution.operation("work").status == "STARTED"
    return execution


async def held() -> None:
    await asyncio.Event().wait()


def test_an_interrupted_at_most_once_attempt_does_not_run_again() -> None:
    ran = []

    async def body() -> None:
        ran.append(1)

    execution = interrupted(body, at_most_once=True)
    error = execution.error()
    assert ran == []
    assert error["ErrorType"] == "durable_lambda.errors.StepInterruptedError"
    assert "attempt 1 of step 'work' began" in error["ErrorMessage"]
    assert [action for _, _, action in execution.sent] == ["FAIL"]
    assert execution.error()["ErrorType"] == "durable_lambda.errors.StepInterruptedError"


def test_an_interrupted_at_most_once_attempt_is_tried_again_when_retry_on_names_it() -> None:
    execution = interrupted(held, at_most_once=True)
    execution.fn = step_of(numbered, at_most_once=True, retry=Retry(retry_on=StepInterruptedError)).fn
    execution.suspends()
    assert [action for _, _, action in execution.sent] == ["RETRY"]
    execution.elapse()
    assert execution.result() == 2


def test_an_interrupted_ordinary_attempt_runs_again_as_the_same_attempt() -> None:
    execution = interrupted(held)
    execution.fn = step_of(numbered).fn
    assert execution.result() == 1
    assert [action for _, _, action in execution.sent] == ["SUCCEED"]


def test_a_fault_of_the_start_of_an_at_most_once_step_runs_no_body() -> None:
    ran = []

    async def body() -> None:
        ran.append(1)

    interrupted(body, at_most_once=True)
    assert ran == []
