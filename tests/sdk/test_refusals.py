"""Answers that are no good news: no token, a stale one, throttling, faults, refusals; and what each of them ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError, CheckpointError, DurableContext
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.errors import (
    InvalidParameterValueException,
    KMSException,
    ResourceNotFoundException,
    ServiceError,
    TooManyRequestsException,
)
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend


class RefusingBackend(RecordingBackend):
    """Raises at a call; from then on each call raises."""

    def __init__(self, error: Exception, *, from_call: int = 1) -> None:
        super().__init__()
        self.error = error
        self.from_call = from_call
        self.made = 0

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        self.made += 1
        if self.made >= self.from_call:
            raise self.error
        return await super().checkpoint(arn, checkpoint_token, updates, client_token)


class UnavailableError(ServiceError):
    code = "ServiceUnavailable"
    status = 503


class KMSDisabledError(KMSException):
    code = "KMSDisabledException"


RETRYABLE = [
    TooManyRequestsException("slow down"),
    ServiceError("a fault"),
    UnavailableError("later"),
    ConnectionError("reset"),
    TimeoutError("no answer"),
    OSError("no route"),
]
FINAL = [
    InvalidParameterValueException("Invalid current STEP state to close."),
    ResourceNotFoundException("no such thing"),
    KMSException("no access"),
    KMSDisabledError("disabled"),
]


async def work(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("work", lambda: "done")


async def swallows(event: Any, ctx: DurableContext) -> str:
    with contextlib.suppress(BaseException):
        await ctx.step("work", lambda: "done")
    return "swallowed"


async def gathers(event: Any, ctx: DurableContext) -> Any:
    both = ctx.step("work", lambda: "done"), ctx.step("more", lambda: "done")
    return [repr(each) for each in await asyncio.gather(*both, return_exceptions=True)]


async def goes_on(event: Any, ctx: DurableContext) -> Any:
    for name in ("a", "b", "c"):
        try:
            await ctx.step(name, lambda: "done")
        except Exception:
            continue
    return "swallowed"


CODE = [work, swallows, gathers, goes_on]


def shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("code", CODE)
def test_a_response_without_a_token_ends_the_invocation_with_its_updates_stored(code: Any) -> None:
    execution = Execution(code)
    execution.backend.answer = lambda _, answer: CheckpointResponse(None, answer.new_execution_state)
    execution.suspends()
    assert len(execution.calls) == 1
    assert {operation.status for operation in execution.backend.operations.values()} == {"SUCCEEDED"}


def test_the_invocation_after_one_without_a_token_goes_on() -> None:
    execution = Execution(work)
    execution.backend.answer = lambda _, answer: CheckpointResponse(None, answer.new_execution_state)
    execution.suspends()
    execution.backend.answer = lambda _, answer: answer
    assert execution.result() == "done"
    assert execution.calls == []


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("text", ["Invalid checkpoint token", "Invalid Checkpoint Token: it was spent"])
def test_a_stale_token_is_raised_so_that_the_service_invokes_again(code: Any, text: str) -> None:
    execution = Execution(code, backend=RefusingBackend(InvalidParameterValueException(text)))
    with pytest.raises(BackendError, match=text) as raised:
        execution.run()
    assert raised.value.code == "AWS_SDK_OPERATION"
    assert isinstance(raised.value.__cause__, InvalidParameterValueException)


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("error", RETRYABLE, ids=shown)
def test_a_fault_of_the_service_or_the_network_is_raised(code: Any, error: Exception) -> None:
    execution = Execution(code, backend=RefusingBackend(error))
    with pytest.raises(BackendError, match=str(error)) as raised:
        execution.run()
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("error", FINAL, ids=shown)
def test_a_refusal_fails_the_execution(code: Any, error: Exception) -> None:
    backend = RefusingBackend(error)
    execution = Execution(code, backend=backend)
    failure = execution.error()
    assert failure["ErrorType"] == "durable_lambda.errors.CheckpointError"
    assert str(error) in failure["ErrorMessage"]
    assert backend.made == 1, "nothing is sent after a refusal"


def test_a_refusal_of_a_later_call_fails_the_execution() -> None:
    execution = Execution(goes_on, backend=RefusingBackend(KMSException("no access"), from_call=2))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.CheckpointError"
    assert [operation.name for operation in execution.backend.operations.values()] == ["a"]


def test_a_fault_of_a_later_call_keeps_what_was_stored() -> None:
    backend = RefusingBackend(ServiceError("a fault"), from_call=2)
    execution = Execution(goes_on, backend=backend)
    with pytest.raises(BackendError):
        execution.run()
    assert [operation.name for operation in execution.backend.operations.values()] == ["a"]
    backend.from_call = 100
    assert execution.result() == "swallowed"
    assert [update.name for call in execution.calls for update in call if update.action == "SUCCEED"] == ["b", "c"]


def test_a_refusal_that_comes_with_the_last_update_is_not_lost() -> None:
    """A cancelled step is recorded by an update that nobody awaits."""

    async def forgets(event: Any, ctx: DurableContext) -> str:
        slow = asyncio.ensure_future(ctx.step("slow", asyncio.Event().wait))
        for _ in range(5):
            await asyncio.sleep(0)
        slow.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        return "done"

    execution = Execution(forgets, backend=RefusingBackend(KMSException("no access")))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.CheckpointError"


def test_the_refusal_says_that_it_is_a_checkpoint_error_with_its_code() -> None:
    assert CheckpointError.code == "CHECKPOINT_FAILED"
    assert BackendError.code == "AWS_SDK"
