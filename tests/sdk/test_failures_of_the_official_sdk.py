"""Failures that the official Python SDK recorded: each is what the operation would have raised here."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext
from durable_lambda.protocol import operations as wire

THEIRS = "aws_durable_execution_sdk_python.exceptions"


async def nothing(*_: Any) -> None:
    """A body, a check, a submitter or a child."""


async def program(event: str, ctx: DurableContext) -> Any:
    try:
        match event:
            case "step":
                await ctx.step("op", nothing)
            case "child":
                await ctx.run_in_child_context("op", nothing)
            case "condition":
                await ctx.wait_for_condition("op", nothing, initial_state=None, until=lambda _: True)
            case _:
                await ctx.wait_for_callback("op", nothing)
    except Exception as error:
        return [type(error).__name__, getattr(error, "error_message", str(error))]


@pytest.mark.parametrize(
    ("operation", "recorded", "raised"),
    [
        ("step", "ValueError", "ValueError"),
        ("step", "app.Declined", "StepError"),
        ("step", f"{THEIRS}.StepInterruptedError", "StepInterruptedError"),
        ("child", f"{THEIRS}.StepError", "ChildContextError"),
        ("child", f"{THEIRS}.CallbackTimeoutError", "ChildContextError"),
        ("condition", f"{THEIRS}.WaitForConditionError", "WaitForConditionError"),
        ("callback", f"{THEIRS}.CallbackExternalError", "CallbackExternalError"),
        ("callback", f"{THEIRS}.CallbackTimeoutError", "CallbackTimeoutError"),
        ("callback", f"{THEIRS}.StepError", "CallbackSubmitterError"),
        ("callback", f"{THEIRS}.Unheard", "CallbackError"),
    ],
)
def test_a_recorded_failure_is_raised_as_the_error_of_its_operation(operation: str, recorded: str, raised: str) -> None:
    execution = Execution(program, operation)
    execution.run()
    error = wire.ErrorObject(recorded, "no")
    if execution.operation("op").type == "STEP":
        execution.change("op", status="FAILED", step_details=wire.StepDetails(1, error=error))
    else:
        execution.change("op", status="FAILED", context_details=wire.ContextDetails(error=error))
    assert execution.result() == [raised, "no"]
