"""How the invocation of a `def` handler ends: suspended, failed or broken off, whatever its code does about it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, StepError, Suspended, SyncDurableContext

Make = Callable[..., Execution]
Swallow = Callable[[SyncDurableContext], Any]


def bare_except(ctx: SyncDurableContext) -> Any:
    try:
        ctx.wait("pause", 60)
    except:  # noqa: E722
        return "swallowed"


def except_and_raise_another(ctx: SyncDurableContext) -> Any:
    try:
        ctx.wait("pause", 60)
    except BaseException:
        raise ValueError("instead") from None


def return_in_finally(ctx: SyncDurableContext) -> Any:
    try:
        ctx.wait("pause", 60)
    finally:
        return "swallowed"  # noqa: B012


def suppressed(ctx: SyncDurableContext) -> Any:
    with contextlib.suppress(BaseException):
        ctx.wait("pause", 60)
    return "swallowed"


def swallowed_in_a_child(ctx: SyncDurableContext) -> Any:
    return ctx.run_in_child_context("child", bare_except)


def swallowed_around_a_child(ctx: SyncDurableContext) -> Any:
    try:
        ctx.run_in_child_context("child", lambda ctx: ctx.wait("pause", 60))
    except BaseException:
        return "swallowed"


def swallowed_in_a_branch(ctx: SyncDurableContext) -> Any:
    return ctx.parallel("branches", [bare_except, return_in_finally]).results()


def retried_for_ever(ctx: SyncDurableContext) -> Any:
    while True:
        try:
            ctx.wait("pause", 60)
        except:  # noqa: E722
            continue
        return "swallowed"


def retried_for_ever_in_layers(ctx: SyncDurableContext) -> Any:
    def layer(ctx: SyncDurableContext) -> Any:
        while True:
            with contextlib.suppress(BaseException):
                retried_for_ever(ctx)

    while True:
        try:
            ctx.run_in_child_context("layer", layer)
        except BaseException as error:
            print(error)


def retried_for_ever_in_a_branch(ctx: SyncDurableContext) -> Any:
    return ctx.parallel("branches", [retried_for_ever]).results()


@pytest.mark.parametrize(
    "swallow",
    [
        bare_except,
        except_and_raise_another,
        return_in_finally,
        suppressed,
        swallowed_in_a_child,
        swallowed_around_a_child,
        swallowed_in_a_branch,
        retried_for_ever,
        retried_for_ever_in_layers,
        retried_for_ever_in_a_branch,
    ],
)
def test_a_suspension_cannot_be_swallowed(swallow: Swallow, execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        return swallow(ctx)

    before = threading.active_count()
    execution = execution_of(handler)
    execution.suspends()
    execution.suspends()
    assert threading.active_count() <= before + 8, "no thread is left in that code"
    assert sys.exc_info() == (None, None, None), "no exception is left as the one that is being handled"


def test_code_that_is_made_to_end_leaves_a_tracer_of_the_process_in_its_place() -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        return retried_for_ever(ctx)

    def tracer(*_: Any) -> None:
        return None

    sys.settrace(tracer)
    try:
        Execution(handler).suspends()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(None)


def test_finally_sees_why_the_code_is_left(execution_of: Make) -> None:
    seen: list[Any] = []

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        try:
            ctx.callback_result(ctx.create_callback("approval"))
        except Suspended as suspended:
            seen.extend([suspended.code, suspended.operation_name, "callback suspended" in str(suspended)])
            raise
        finally:
            seen.append("closed")

    execution_of(handler).suspends()
    assert seen == ["CALLBACK_SUSPENDED", "approval", True, "closed"]


def test_an_operation_called_after_a_suspension_is_refused_and_not_stored(execution_of: Make) -> None:
    seen: list[str] = []
    ran: list[str] = []

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        try:
            ctx.wait("pause", 60)
        finally:
            try:
                ctx.step("too late", ran.append, "body")
            except BaseException as error:
                seen.append(f"{type(error).__name__}: {error}")
                raise

    execution = execution_of(handler)
    execution.suspends()
    assert ran == []
    assert execution.sent == [("WAIT", "pause", "START")]
    assert seen[0].startswith("Suspended: step 'too late' was called when its code does not count any more")


def test_a_failure_of_the_handler_is_the_execution_s(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> None:
        raise LookupError("no such order")

    error = execution_of(handler).error()
    assert (error["ErrorType"], error["ErrorMessage"]) == ("LookupError", "no such order")


class Declined(Exception):  # noqa: N818  # a user's error
    def __init__(self, code: int) -> None:
        super().__init__(f"declined: {code}")
        self.code = code


def test_an_error_has_its_type_and_attributes_on_the_first_run_and_on_a_replay(execution_of: Make) -> None:
    seen: list[Any] = []

    def decline() -> None:
        raise Declined(7)

    def child(ctx: SyncDurableContext) -> None:
        raise Declined(8)

    def note(call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:
            seen.append((type(error), str(error), getattr(error, "code", None)))

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        note(lambda: ctx.step("charge", decline, retry=0))
        note(lambda: ctx.run_in_child_context("child", child))
        note(lambda: ctx.parallel("branches", [child]).results())

    execution = execution_of(handler)
    execution.result()
    first = list(seen)
    execution.result()
    assert seen == first * 2
    assert [kind for kind, *_ in first][:2] == [Declined, Declined]
    assert first[0][1:] == ("declined: 7", 7)


def test_an_error_that_cannot_be_rebuilt_is_a_step_error_on_both(execution_of: Make) -> None:
    seen: list[type] = []

    def body() -> None:
        class Local(Exception):  # noqa: N818
            pass

        raise Local("nobody can import it")

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        try:
            ctx.step("work", body, retry=0)
        except Exception as error:
            seen.append(type(error))

    execution = execution_of(handler)
    execution.result()
    execution.result()
    assert seen == [StepError, StepError]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["the handler", "a body", "a body with a timeout", "a child", "a branch"])
def test_what_ends_the_process_ends_the_invocation_and_records_nothing_of_it(where: str, kind: Any) -> None:
    def leave(*_: Any) -> None:
        raise kind("enough")

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        match where:
            case "the handler":
                leave()
            case "a body":
                ctx.step("work", leave)
            case "a body with a timeout":
                ctx.step("work", leave, timeout=60)
            case "a child":
                ctx.run_in_child_context("child", leave)
            case _:
                ctx.parallel("branches", [leave])

    execution = Execution(handler)
    with pytest.raises(kind, match="enough"):
        execution.run()
    assert {action for _, _, action in execution.sent} <= {"START"}
    assert Execution(lambda event, ctx: "fine").result() == "fine", "the next invocation is not concerned"


def test_stop_iteration_of_a_body_is_an_error_as_in_a_coroutine(execution_of: Make) -> None:
    def body() -> None:
        raise StopIteration("done")

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        try:
            ctx.step("next", body, retry=0)
        except RuntimeError as error:
            return str(error)
        return "nothing was raised"

    execution = execution_of(handler)
    assert "StopIteration" in execution.result()
    assert "StopIteration" in execution.result()


def test_stop_iteration_of_the_code_fails_the_execution(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> None:
        next(iter([]))

    assert execution_of(handler).error()["ErrorType"] == "RuntimeError"


# Another history than the code asks for


def test_another_operation_than_recorded_fails_the_execution_also_when_the_error_is_swallowed(
    execution_of: Make,
) -> None:
    ran: list[str] = []

    def before(event: Any, ctx: SyncDurableContext) -> None:
        ctx.wait("pause", 60)

    def after(event: Any, ctx: SyncDurableContext) -> str:
        with contextlib.suppress(Exception):
            ctx.step("refund", int)
        with contextlib.suppress(BaseException):
            ctx.step("next", ran.append, "body")
        return "swallowed"

    execution = execution_of(before)
    execution.suspends()
    error = execution.error(after)
    assert error["ErrorType"].endswith("NonDeterministicExecutionError")
    assert ran == [], "no body runs after that"
    assert execution.sent == []


def test_an_operation_that_the_code_no_longer_calls_fails_the_execution(execution_of: Make) -> None:
    def before(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("charge", int)
        ctx.wait("pause", 60)

    execution = execution_of(before)
    execution.suspends()
    assert execution.error(lambda event, ctx: None)["ErrorType"].endswith("NonDeterministicExecutionError")


def test_a_cancellation_that_an_async_handler_recorded_is_one_here(execution_of: Make) -> None:
    async def before(event: Any, ctx: DurableContext) -> None:
        work = asyncio.ensure_future(ctx.wait("pause", 60))
        await ctx.step("charge", int)
        work.cancel()
        await asyncio.wait([work])
        await ctx.wait("long", 60)

    def after(event: Any, ctx: SyncDurableContext) -> str:
        try:
            ctx.wait("pause", 60)
        except asyncio.CancelledError as error:
            return f"{error} {ctx.step('charge', int)} {ctx.wait('long', 60)}"
        return "not cancelled"

    execution = execution_of(before)
    execution.suspends()
    execution.elapse()
    assert execution.result(after) == "wait 'pause' was cancelled 0 None"
