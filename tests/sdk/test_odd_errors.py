"""Exceptions that are hard to record: nothing about them may hide the failure, or make two runs differ."""

from __future__ import annotations

import asyncio
import threading
import traceback
from email.message import Message
from typing import Any
from urllib.error import HTTPError

import pytest

from drive import Execution
from durable_lambda import DurableContext, StepError, StepTimeoutError


class SlottedError(Exception):
    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BrokenTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class BrokenReprError(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class StrictNewError(Exception):
    def __new__(cls, *args: Any) -> StrictNewError:
        if not args:
            raise TypeError("needs arguments")
        return super().__new__(cls, *args)


class ManyError(ExceptionGroup[Exception]):
    def derive(self, excs: Any) -> ManyError:
        return ManyError(self.message, excs)


class Unserialisable:
    def __init__(self) -> None:
        self.lock = threading.Lock()


def caught_on_both_runs(error: BaseException, *, inline: bool = True) -> BaseException:
    """What user code catches of a step that raises, with the same type and text on the first run and on replay."""
    seen: list[BaseException] = []

    def body() -> None:
        raise error

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", body, retry=0, inline=inline)
        except Exception as caught:
            seen.append(caught)

    execution = Execution(handler)
    execution.result()
    assert execution.sent == [("STEP", "work", "START"), ("STEP", "work", "FAIL")]
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert type(first) is type(replayed)
    assert repr(first.args) == repr(replayed.args)
    assert vars(first).keys() == vars(replayed).keys()
    return replayed


def test_an_argument_that_is_no_json_is_replaced_by_the_text() -> None:
    caught = caught_on_both_runs(ValueError("no", Unserialisable()))
    assert type(caught) is ValueError
    assert "no" in str(caught)


def test_an_attribute_that_is_no_json_is_left_out() -> None:
    error = ValueError("no")
    error.kept, error.lock = "kept", threading.Lock()  # type: ignore[attr-defined]  # as users do
    caught = caught_on_both_runs(error)
    assert vars(caught) == {"kept": "kept"}


def test_a_note_comes_back() -> None:
    error = ValueError("no")
    error.add_note("while shipping")
    seen = []

    def body() -> None:
        raise error

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", body, retry=0)
        except ValueError as caught:
            seen.append(list(getattr(caught, "__notes__", [])))

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert seen[0] == seen[1]


def test_a_broken_str_does_not_hide_the_error() -> None:
    assert type(caught_on_both_runs(BrokenTextError("no"))) is BrokenTextError


def test_a_broken_str_with_an_argument_that_is_no_json_does_not_hide_the_error() -> None:
    caught = caught_on_both_runs(BrokenTextError(Unserialisable()))
    assert isinstance(caught, (BrokenTextError, StepError))


def test_a_broken_repr_does_not_hide_the_error() -> None:
    assert type(caught_on_both_runs(BrokenReprError("no"))) is BrokenReprError


def test_neither_new_nor_init_of_a_users_class_has_a_say_in_a_replay() -> None:
    error = StrictNewError("needs")
    error.args = ()
    assert type(caught_on_both_runs(error)) is StrictNewError


def test_a_class_that_cannot_be_made_again_is_a_step_error() -> None:
    error = UnicodeDecodeError("utf-8", b"", 0, 1, "no")
    error.args = ("not", "the", "arguments")
    caught = caught_on_both_runs(error)
    assert type(caught) is StepError
    assert caught.error_type == "UnicodeDecodeError"


def test_a_slotted_exception_comes_back_with_its_arguments() -> None:
    caught = caught_on_both_runs(SlottedError("detail"))
    assert isinstance(caught, SlottedError)
    assert caught.args == ("detail",)


def test_a_surrogate_in_the_message_does_not_hide_the_error() -> None:
    caught = caught_on_both_runs(ValueError("bad \ud800 character"))
    assert type(caught) is ValueError
    assert "character" in str(caught)


def test_an_exception_group_comes_back_as_one_with_its_parts() -> None:
    caught = caught_on_both_runs(ExceptionGroup("several", [ValueError("a"), KeyError("b")]))
    assert isinstance(caught, ExceptionGroup)
    assert caught.message == "several"
    assert [type(each) for each in caught.exceptions] == [ValueError, KeyError]


def test_an_exception_group_of_a_users_class_comes_back() -> None:
    caught = caught_on_both_runs(ManyError("several", [ValueError("a")]))
    assert type(caught) is ManyError
    assert [type(each) for each in caught.exceptions] == [ValueError]


@pytest.mark.parametrize("inline", [False, True])
def test_a_stop_iteration_fails_the_step_as_it_would_any_coroutine(inline: bool) -> None:
    caught = caught_on_both_runs(StopIteration(5), inline=inline)
    assert isinstance(caught, (RuntimeError, TypeError, StopIteration, StepError))


def test_an_error_with_a_cause_comes_back_as_itself() -> None:
    error = ValueError("no")
    error.__cause__ = KeyError("because")
    assert type(caught_on_both_runs(error)) is ValueError


def test_the_first_run_keeps_the_traceback_of_the_body() -> None:
    import traceback

    def the_body_that_failed() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("work", the_body_that_failed, retry=0)
        except ValueError as error:
            return "".join(traceback.format_exception(error))
        return ""

    assert "the_body_that_failed" in Execution(handler).result()


def test_the_record_has_the_stack_of_user_code_only() -> None:
    def the_body_that_failed() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", the_body_that_failed, retry=0, inline=True)

    execution = Execution(handler)
    execution.error()
    error = execution.backend.updates[-1].error
    assert error is not None
    assert error.stack_trace is not None
    assert "the_body_that_failed" in error.stack_trace[-1]
    assert not any("/durable_lambda/" in line for line in error.stack_trace)


def test_our_own_errors_come_back_with_what_they_know() -> None:
    error = StepTimeoutError("of an inner step", operation_name="inner", operation_id="abc", error_message="late")
    caught = caught_on_both_runs(error)
    assert isinstance(caught, StepTimeoutError)
    assert (caught.operation_name, caught.operation_id, caught.error_message) == ("inner", "abc", "late")
    assert caught.code == "STEP_TIMEOUT"


def test_an_error_may_be_raised_again_and_again_fails_the_execution_as_itself() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        def body() -> None:
            raise BrokenTextError("no")

        await ctx.step("work", body, retry=0)

    execution = Execution(handler)
    first = execution.error()
    replayed = execution.error()
    assert first["ErrorType"] == replayed["ErrorType"]
    assert first["ErrorType"].endswith("BrokenTextError")


def test_a_base_exception_of_a_users_class_ends_as_it_should() -> None:
    class Stop(BaseException):
        pass

    async def handler(event: Any, ctx: DurableContext) -> None:
        async def body() -> None:
            raise Stop("now")

        await ctx.step("work", body, retry=0)

    error = Execution(handler).error()
    assert error["ErrorType"].endswith("Stop")


def test_a_cancelled_error_that_a_body_raises_is_recorded() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        async def body() -> None:
            raise asyncio.CancelledError("of my own")

        try:
            await ctx.step("work", body, retry=0)
        except asyncio.CancelledError:
            return "cancelled"
        return ""

    execution = Execution(handler)
    assert execution.result() == "cancelled"
    assert execution.result() == "cancelled"
    assert execution.sent == []


class DelegatingError(Exception):
    """As `urllib.error.HTTPError`, which asks the response that it carries for what it does not have."""

    def __init__(self, code: int, response: Any) -> None:
        super().__init__(code)
        self.code = code
        self.response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["response"], name)


class HostileError(Exception):
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


def test_an_error_that_asks_what_it_carries_for_attributes_can_be_asked_without_it() -> None:
    caught = caught_on_both_runs(DelegatingError(404, Unserialisable()))
    assert type(caught) is DelegatingError
    assert vars(caught) == {"code": 404, "response": None}
    assert not hasattr(caught, "anything")
    assert "DelegatingError: 404" in "".join(traceback.format_exception(caught))


def test_a_response_of_http_that_is_an_error_is_caught_as_itself() -> None:
    caught = caught_on_both_runs(HTTPError("http://shop", 404, "no such page", Message(), None))
    assert isinstance(caught, HTTPError)
    assert (caught.code, caught.msg) == (404, "no such page")


def test_an_error_that_can_be_asked_for_nothing_does_not_hide_what_happened() -> None:
    caught = caught_on_both_runs(HostileError("no"))
    assert isinstance(caught, StepError)
    assert caught.error_message == "no"


@pytest.mark.parametrize(
    "made", [lambda: HTTPError("http://shop", 404, "gone", Message(), None), lambda: HostileError("gone")]
)
def test_an_error_with_attributes_of_its_own_mind_fails_the_execution_that_does_not_catch_it(made: Any) -> None:
    def body() -> None:
        raise made()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body, retry=0)

    assert "gone" in Execution(handler).error()["ErrorMessage"]


def test_an_error_that_can_be_asked_for_nothing_and_that_no_step_raised_fails_the_execution() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        raise HostileError("gone")

    assert Execution(handler).error()["ErrorMessage"] == "gone"
