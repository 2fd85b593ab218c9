"""Names and durations: checked against the service's bounds by the call, before anything is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, ValidationError
from durable_lambda.protocol.updates import WaitOptions
from recording import RecordingBackend

OPERATIONS = {
    "step": lambda ctx, name: ctx.step(name, str),
    "wait": lambda ctx, name: ctx.wait(name, 5),
    "create_callback": lambda ctx, name: ctx.create_callback(name),
    "run_in_child_context": lambda ctx, name: ctx.run_in_child_context(name, child),
}


async def child(ctx: DurableContext) -> None: ...


def refusal(call: Any) -> str:
    """The text with which a call is refused, at the call and with nothing sent."""
    texts = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            call(ctx)
        except ValidationError as error:
            texts.append(str(error))

    execution = Execution(handler)
    execution.result()
    assert execution.calls == []
    assert len(texts) == 1, "the call was not refused"
    return texts[0]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x" * 257, "must have 1 to 256 characters, not 257"),
        ("x" * 300, "must have 1 to 256 characters, not 300"),
        ("", "must have 1 to 256 characters, not 0"),
        ("café", "printable ASCII characters only, not 'é'"),
        ("tab\there", "printable ASCII characters only, not '\\t'"),
        ("line\n", "printable ASCII characters only, not '\\n'"),
        ("\x7f", "printable ASCII characters only"),
        ("😀", "printable ASCII characters only"),
        (5, "is the operation's name, a str or None, not 5"),
        (b"name", "is the operation's name, a str or None"),
        (str, "is the operation's name, a str or None"),
    ],
    ids=lambda each: repr(each)[:20],
)
def test_a_name_that_the_service_would_refuse_is_refused_with_the_bound(operation: str, name: Any, text: str) -> None:
    told = refusal(lambda ctx: OPERATIONS[operation](ctx, name))
    assert text in told
    assert f"{operation}()" in told
    assert len(told) < 500


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "name", ["x" * 256, "a", " ", "with spaces & (signs)!~", None], ids=lambda each: repr(each)[:20]
)
def test_a_name_within_the_bounds_is_taken_as_it_is(operation: str, name: str | None) -> None:
    backend = RecordingBackend()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await OPERATIONS[operation](ctx, name)

    Execution(handler, backend=backend).run()
    assert {update.name for update in backend.updates} == {name}


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "must be from 1 to 31622400 seconds, not 0"),
        (-1, "must be from 1 to 31622400 seconds, not -1"),
        (31_622_401, "must be from 1 to 31622400 seconds, not 31622401"),
        (10**30, "must be from 1 to 31622400 seconds"),
        (timedelta(0), "must be from 1 to 31622400 seconds, not 0"),
        (timedelta(days=367), "must be from 1 to 31622400 seconds"),
        (timedelta(days=-1), "must be from 1 to 31622400 seconds"),
        (timedelta(seconds=1.5), "must be whole seconds"),
        (timedelta(microseconds=1), "must be whole seconds"),
        (1.5, "must be whole seconds (int) or a timedelta, not 1.5"),
        (2.0, "must be whole seconds (int) or a timedelta, not 2.0"),
        (float("nan"), "must be whole seconds"),
        (True, "must be whole seconds (int) or a timedelta, not True"),
        ("5", "must be whole seconds (int) or a timedelta, not '5'"),
        (None, "must be whole seconds (int) or a timedelta, not None"),
    ],
    ids=repr,
)
def test_a_wait_out_of_bounds_is_refused_with_the_bounds(duration: Any, text: str) -> None:
    told = refusal(lambda ctx: ctx.wait("pause", duration))
    assert text in told
    assert "the duration of wait()" in told


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(1, 1), (31_622_400, 31_622_400), (timedelta(seconds=1), 1), (timedelta(days=366), 31_622_400)],
    ids=repr,
)
def test_a_wait_at_its_bounds_is_sent(duration: Any, seconds: int) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", duration)

    execution = Execution(handler)
    execution.suspends()
    [[update]] = execution.calls
    assert update.wait_options == WaitOptions(seconds)


def test_a_wait_is_over_when_the_service_says_so_and_gives_none() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return [await ctx.wait("pause", 60)]

    execution = Execution(handler)
    execution.suspends()
    execution.suspends()
    assert execution.sent == []
    execution.elapse()
    assert execution.result() == [None]
    assert execution.sent == []


def test_a_refused_call_that_is_caught_does_not_end_the_execution() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        with pytest.raises(ValidationError):
            ctx.wait("pause", 0)
        return await ctx.step("work", lambda: "done")

    execution = Execution(handler)
    assert execution.result() == "done"
    assert execution.result() == "done"


def test_a_refused_call_is_the_same_on_replay() -> None:
    """It consumes a number or it does not, but it does so every time."""

    async def handler(event: Any, ctx: DurableContext) -> str:
        await ctx.step("before", str)
        with pytest.raises(ValidationError):
            ctx.step("", str)
        await ctx.wait("pause", 60)
        return await ctx.step("after", lambda: "done")

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    assert execution.result() == "done"
    assert execution.result() == "done"
