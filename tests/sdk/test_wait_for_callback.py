"""`wait_for_callback`: a callback, the step that submits it, and the answer, in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    CallbackError,
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    DurableContext,
    Retry,
)
from durable_lambda.protocol import operations as wire
from durable_lambda.runtime.ids import operation_id
from prefixes import same_at_every_prefix

CALLBACK = "approval create callback id"
SUBMITTER = "approval submitter"
SENT: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    SENT.clear()


@dataclass
class Decision:
    approved: bool


def submit(callback_id: str, *args: Any) -> None:
    SENT.append((callback_id, *args))


def asking(submitter: Any = submit, *args: Any, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            answer = await ctx.wait_for_callback("approval", submitter, *args, **options)
        except CallbackError as error:
            await ctx.wait("afterwards", 60)
            return [type(error).__name__, error.callback_id, error.operation_name, error.error_type, str(error)]
        return answer.approved if isinstance(answer, Decision) else answer

    return handler


def test_it_is_a_context_with_a_callback_and_a_step() -> None:
    execution = Execution(asking())
    execution.suspends()
    group, callback, step = (execution.operation(name) for name in ("approval", CALLBACK, SUBMITTER))
    assert (group.type, group.sub_type, group.id) == ("CONTEXT", "WaitForCallback", operation_id("1"))
    assert (callback.type, callback.parent_id, callback.id) == ("CALLBACK", group.id, operation_id(f"{group.id}-1"))
    assert (step.type, step.parent_id, step.id) == ("STEP", group.id, operation_id(f"{group.id}-2"))


def test_the_submitter_gets_the_id_and_its_arguments_once() -> None:
    execution = Execution(asking(submit, 1, "two"))
    execution.suspends()
    details = execution.operation(CALLBACK).callback_details
    assert details is not None
    execution.suspends()
    once = [(details.callback_id, 1, "two")]
    assert once == SENT
    execution.answer(CALLBACK, {"approved": True})
    assert execution.result() == {"approved": True}
    assert execution.result() == {"approved": True}
    assert len(SENT) == 1


def test_the_callback_is_stored_before_its_id_is_handed_out() -> None:
    stored: list[bool] = []

    async def look(callback_id: str) -> None:
        stored.append(CALLBACK in execution.ids)

    execution = Execution(asking(look))
    execution.suspends()
    assert stored == [True]


def test_it_is_the_same_at_every_prefix() -> None:
    assert same_at_every_prefix(asking(), {CALLBACK: "yes"}).result() == "yes"


def test_the_answer_has_the_type_that_is_asked_for_also_on_replay() -> None:
    fn = asking(result_type=Decision)
    assert same_at_every_prefix(fn, {CALLBACK: {"approved": True}}).result() is True


def test_an_answer_without_a_result_is_none() -> None:
    execution = Execution(asking())
    execution.suspends()
    execution.complete(CALLBACK, "SUCCEEDED")
    assert execution.result() is None


def test_an_answer_that_came_before_the_submitter_has_ended_is_taken_when_it_has() -> None:
    async def answers_itself(callback_id: str) -> None:
        execution.backend.news.append(execution.complete(CALLBACK, "SUCCEEDED", result='"at once"'))

    execution = Execution(asking(answers_itself))
    assert execution.result() == "at once"


def ends_with(execution: Execution, name: str) -> list[Any]:
    """The error that the code got, the same on the first run and on replay."""
    execution.suspends()
    execution.elapse()
    told: list[Any] = execution.result()
    assert execution.result() == told
    assert told[0] == name
    return told


@pytest.mark.parametrize(
    ("status", "name"), [("FAILED", CallbackExternalError.__name__), ("TIMED_OUT", CallbackTimeoutError.__name__)]
)
def test_a_failed_answer_is_its_own_error_the_same_on_replay(status: Any, name: str) -> None:
    execution = Execution(asking())
    execution.suspends()
    callback = execution.complete(CALLBACK, status, error=wire.ErrorObject("Rejected", "too dear"))
    _, callback_id, _, error_type, text = ends_with(execution, name)
    assert callback.callback_details is not None
    assert callback_id == callback.callback_details.callback_id
    assert error_type == "Rejected"
    assert "Rejected: too dear" in text


def test_a_submitter_that_fails_for_good_is_a_submitter_error_the_same_on_replay() -> None:
    async def fails(callback_id: str) -> None:
        raise LookupError("nobody there")

    told = ends_with(Execution(asking(fails, retry=0)), CallbackSubmitterError.__name__)
    assert told[2:4] == ["approval", "LookupError"]
    assert "nobody there" in told[4]
    assert told[1].startswith("cb-")


def test_a_submitter_is_tried_again_as_its_policy_says_with_the_same_id() -> None:
    def flaky(callback_id: str) -> None:
        submit(callback_id)
        if len(SENT) == 1:
            raise ConnectionError

    execution = Execution(asking(flaky, retry=Retry.fixed(7)))
    execution.suspends()
    retry = next(update for update in execution.backend.updates if update.action == "RETRY")
    assert retry.step_options is not None
    assert retry.step_options.next_attempt_delay_seconds == 7
    execution.elapse()
    execution.suspends()
    assert len(set(SENT)) == 1
    execution.answer(CALLBACK, "yes")
    assert execution.result() == "yes"


def test_timers_are_those_of_the_callback() -> None:
    execution = Execution(asking(timeout=timedelta(hours=1), heartbeat_timeout=30))
    execution.suspends()
    start = next(update for update in execution.backend.updates if update.type == "CALLBACK")
    assert start.callback_options is not None
    assert (start.callback_options.timeout_seconds, start.callback_options.heartbeat_timeout_seconds) == (3600, 30)


def test_without_a_name_the_operations_have_short_ones() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.wait_for_callback(None, submit)

    execution = Execution(handler)
    execution.suspends()
    assert set(execution.ids) == {None, "create callback id", "submitter"}


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("approval", {"timeout": 0}, "timeout of wait_for_callback()"),
        ("approval", {"timeout": 100_000_000}, "99999999"),
        ("approval", {"heartbeat_timeout": 1.5}, "heartbeat_timeout of wait_for_callback()"),
        ("approval", {"retry": -1}, "retry"),
        ("", {}, "1 to 256"),
        ("über", {}, "printable ASCII"),
        ("x" * 256, {}, "characters"),  # the names of its operations are longer
        ("approval", {"submitter": "no function"}, "takes a function"),
    ],
)
def test_a_call_that_cannot_be_right_is_refused_before_anything_is_sent(
    name: str, options: dict[str, Any], told: str
) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        arguments = {"submitter": submit, **options}
        return await ctx.wait_for_callback(name, **arguments)

    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert told in error["ErrorMessage"]
    assert execution.calls == []


def test_a_result_type_that_json_cannot_be_is_refused_before_anything_is_sent() -> None:
    execution = Execution(asking(result_type=list[int] | list[str]))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert execution.calls == []
