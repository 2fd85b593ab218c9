"""Exceptions that are too large to record whole: what does not fit is cut or left out, so that a record fits."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext
from durable_lambda.protocol.limits import MAX_ERROR_OBJECT


def recorded_size(execution: Execution) -> int:
    """The bytes of the error that was recorded last."""
    error = execution.backend.updates[-1].error
    assert error is not None
    texts = [error.error_message, error.error_data, error.error_type, *(error.stack_trace or ())]
    return sum(len((text or "").encode()) for text in texts)


def raised_by(error: Exception) -> tuple[list[int], Execution]:
    """How long the text is that the caller of a step sees, on the first run and on replay."""
    seen: list[int] = []

    def body() -> None:
        raise error

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", body, retry=0)
        except ValueError as caught:
            seen.append(len(str(caught)))

    execution = Execution(handler)
    execution.result()
    execution.result()
    return seen, execution


@pytest.mark.parametrize("character", ["x", "é", "😀", '"'], ids=ascii)
def test_a_huge_message_is_cut_and_fits(character: str) -> None:
    seen, execution = raised_by(ValueError(character * 1_000_000))
    assert seen[0] == seen[1] > 0
    assert recorded_size(execution) < MAX_ERROR_OBJECT


@pytest.mark.parametrize("character", ["x", "é", "😀", '"', "\x01"], ids=ascii)
@pytest.mark.parametrize("length", [40_000, 190_000, 1_000_000])
def test_a_record_always_fits(character: str, length: int) -> None:
    error = ValueError(character * 65_000)
    error.body = character * length  # type: ignore[attr-defined]  # as users do
    seen, execution = raised_by(error)
    assert seen[0] == seen[1] > 0
    assert recorded_size(execution) < MAX_ERROR_OBJECT


def test_huge_attributes_are_left_out() -> None:
    error = ValueError("no")
    error.body = "x" * 3_000_000  # type: ignore[attr-defined]  # as users do
    seen, _ = raised_by(error)
    assert seen == [2, 2]


def test_a_deep_stack_is_cut() -> None:
    def deep(levels: int) -> None:
        if not levels:
            raise ValueError("no")
        deep(levels - 1)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", deep, 300, retry=0)

    execution = Execution(handler)
    execution.error()
    error = execution.backend.updates[-1].error
    assert error is not None
    assert error.stack_trace is not None
    assert 1 <= len(error.stack_trace) <= 50
