"""`MockDurableContext`: the unit test of one function."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_lambda import (
    CallbackExternalError,
    CallbackTimeoutError,
    CompensationError,
    Completion,
    DurableContext,
    InvokeError,
    InvokeStoppedError,
    InvokeTimeoutError,
    Poll,
    Retry,
    StepError,
    Suspended,
    SyncDurableContext,
    ValidationError,
    current_step,
    durable_execution,
)
from durable_lambda.testing import (
    MockDurableContext,
    MockMismatchError,
    assert_checkpoint_count,
    assert_no_checkpoints,
    assert_operation_count,
    assert_operation_names,
    assert_operations,
)


@dataclass
class Checked:
    total: int


async def validate(order: dict[str, int]) -> Checked:
    raise AssertionError("the body ran")


async def charge(amount: int) -> str:
    return f"pay-{amount}"


def charge_here(amount: int) -> str:
    return f"pay-{amount}"


@durable_execution
async def approve(order: dict[str, int], ctx: DurableContext) -> str:
    checked = await ctx.step("validate", validate, order)
    approval = await ctx.create_callback("approval")
    answer = await ctx.callback_result(approval, str)
    return f"{checked.total} {answer} {approval.callback_id}"


@durable_execution
def approve_here(order: dict[str, int], ctx: SyncDurableContext) -> str:
    checked = ctx.step("validate", lambda o: None, order, result_type=Checked)
    approval = ctx.create_callback("approval")
    return f"{checked.total} {ctx.callback_result(approval, str)} {approval.callback_id}"


def prepared() -> MockDurableContext:
    return MockDurableContext().with_step_result("validate", {"total": 7}).with_callback("approval", "cb-1", "yes")


async def test_what_is_prepared_is_replayed_without_running_a_body() -> None:
    ctx, recorder = prepared().build()

    assert await approve.fn({"total": 7}, ctx) == "7 yes cb-1"
    assert_operations(recorder, ["step:validate", "callback:approval"])
    assert_operation_names(recorder, ["validate", "approval"])
    assert_operation_count(recorder, 2)
    assert_no_checkpoints(recorder)


async def test_what_is_prepared_stands_for_a_checkpoint_of_the_history_that_the_code_has_not_sent() -> None:
    ctx, recorder = prepared().with_step_result("never called").build()

    await approve.fn({"total": 7}, ctx)
    assert_checkpoint_count(recorder, 2)
    assert_no_checkpoints(recorder)
    with pytest.raises(
        AssertionError, match=r"expected 3 .* were 2:\n  1. step:validate replayed\n  2. callback:approval"
    ):
        assert_checkpoint_count(recorder, 3)


def test_a_def_handler_gets_the_same() -> None:
    ctx, recorder = prepared().build_sync()

    assert approve_here.fn({"total": 7}, ctx) == "7 yes cb-1"
    assert_operations(recorder, ["step:validate", "callback:approval"])
    assert_no_checkpoints(recorder)


async def test_what_is_not_prepared_is_carried_out_and_recorded() -> None:
    ctx, recorder = MockDurableContext().build()
    attempts: list[int] = []

    async def flaky() -> int:
        attempts.append(current_step().attempt)
        if len(attempts) < 3:
            raise OSError("no")
        return len(attempts)

    assert await ctx.step("charge", charge, 5) == "pay-5"
    assert await ctx.step("flaky", flaky, retry=Retry.fixed(60)) == 3
    assert attempts == [1, 2, 3]
    assert_checkpoint_count(recorder, 4)
    assert [update.action for update in recorder.checkpoints[1]] == ["START", "RETRY"]


@pytest.mark.parametrize(
    ("call", "code", "way"),
    [
        (lambda ctx: ctx.wait("pause", 60), "WAIT_SUSPENDED", "with_wait('pause')"),
        (lambda ctx: ctx.invoke("pay", "payments", 1), "INVOKE_SUSPENDED", "with_invoke('pay', result)"),
        (
            lambda ctx: ctx.wait_for_callback("ask", charge_here),
            "CALLBACK_SUSPENDED",
            "with_callback('ask', 'callback-1', result)",
        ),
    ],
)
async def test_what_would_wait_suspends_and_tells_how_to_prepare_it(call: Any, code: str, way: str) -> None:
    ctx, recorder = MockDurableContext().build()

    with pytest.raises(Suspended) as raised:
        await call(ctx)
    assert raised.value.code == code
    assert raised.value.__notes__ == [f"nothing is prepared for it: MockDurableContext().{way}"]
    assert recorder.checkpoints


async def test_an_exception_is_raised_as_it_is_and_a_type_is_rebuilt() -> None:
    ctx, _ = (
        MockDurableContext()
        .with_step_error("first", LookupError("no such order"))
        .with_step_error("second", "ValueError", "not a number")
        .with_step_error("third", "shop.PaymentDeclined", "declined", data='{"code": 7}')
        .build()
    )
    with pytest.raises(LookupError, match="no such order"):
        await ctx.step("first", charge, 1)
    with pytest.raises(ValueError, match="not a number"):
        await ctx.step("second", charge, 1)
    with pytest.raises(StepError, match="operation 'third': shop") as raised:
        await ctx.step("third", charge, 1)
    assert (raised.value.error_type, raised.value.error_data) == ("shop.PaymentDeclined", '{"code": 7}')


async def test_callbacks_come_in_every_status() -> None:
    ctx, _ = (
        MockDurableContext()
        .with_callback_error("failed", "cb-1", "Declined", "over the limit")
        .with_callback_timeout("late", "cb-2")
        .with_callback_pending("open", "cb-3")
        .with_callback("both", "cb-4", 5)
        .build()
    )
    handles = [await ctx.create_callback(name) for name in ("failed", "late", "open")]
    with pytest.raises(CallbackExternalError) as failed:
        await ctx.callback_result(handles[0])
    assert str(failed.value) == ("callback failed for operation 'failed' (callback_id: cb-1): Declined: over the limit")
    with pytest.raises(CallbackTimeoutError):
        await ctx.callback_result(handles[1])
    with pytest.raises(Suspended, match=r"callback suspended for operation 'open' \(callback_id: cb-3\)"):
        await ctx.callback_result(handles[2])
    assert await ctx.wait_for_callback("both", charge_here, result_type=int) == 5


async def test_invokes_come_in_every_status() -> None:
    ctx, _ = (
        MockDurableContext()
        .with_invoke("done", {"total": 3})
        .with_invoke_error("failed", "ValueError", "no")
        .with_invoke_timeout("late")
        .with_invoke_stopped("stopped")
        .with_invoke_pending("open")
        .build()
    )
    assert await ctx.invoke("done", "f", result_type=Checked) == Checked(3)
    with pytest.raises(InvokeError, match=r"\(function: f\): ValueError: no"):
        await ctx.invoke("failed", "f")
    with pytest.raises(InvokeTimeoutError):
        await ctx.invoke("late", "f")
    with pytest.raises(InvokeStoppedError):
        await ctx.invoke("stopped", "f")
    with pytest.raises(Suspended):
        await ctx.invoke("open", "f")


async def test_waits_conditions_and_contexts_are_prepared_too() -> None:
    ctx, recorder = (
        MockDurableContext()
        .with_wait("over")
        .with_wait_pending("later")
        .with_step_pending("retrying")
        .with_condition("ready", "up")
        .with_condition_error("never", "durable_lambda.errors.WaitForConditionError", "gave up")
        .with_child_result("child", [1])
        .with_child_error("broken", KeyError("x"))
        .with_map_result("map", [1, ValueError("no")])
        .with_parallel_result("both", [1, 2])
        .with_first("race", "left", 9)
        .build()
    )
    await ctx.wait("over", 1)
    for pending in (lambda: ctx.wait("later", 1), lambda: ctx.step("retrying", charge, 1)):
        with pytest.raises(Suspended):
            await pending()
    assert await ctx.wait_for_condition("ready", charge_here, initial_state=0, until=bool) == "up"
    with pytest.raises(Exception, match="gave up"):
        await ctx.wait_for_condition("never", charge_here, initial_state=0, until=bool)
    assert await ctx.run_in_child_context("child", lambda c: None, result_type=list[int]) == [1]
    with pytest.raises(KeyError):
        await ctx.run_in_child_context("broken", lambda c: None)
    mapped = await ctx.map("map", [1, 2], lambda item, c: None)
    assert (mapped.success_count, mapped.failure_count) == (1, 1)
    assert (await ctx.parallel("both", [lambda c: None] * 2)).results() == [1, 2]
    assert await ctx.first("race", left=lambda c: None, right=lambda c: None) == ("left", 9)
    assert_no_checkpoints(recorder)


async def test_an_operation_that_is_not_prepared_while_others_are_is_told() -> None:
    ctx, _ = MockDurableContext().with_step_result("chrage", "pay-1").build()

    with pytest.raises(MockMismatchError) as raised:
        await ctx.step("charge", charge, 1)
    assert str(raised.value) == (
        "the code called 'step:charge', which is not prepared, while these are left: step:chrage. "
        "Did you mean 'step:chrage'? Prepare it with the mock's with_…('charge', …), or let it run: "
        ".with_run('charge')"
    )


async def test_an_operation_may_run_while_others_are_prepared() -> None:
    ctx, recorder = MockDurableContext().with_run("charge").with_step_result("ship", "track-1").build()

    assert await ctx.step("charge", charge, 1) == "pay-1"
    assert await ctx.step("ship", charge, 1) == "track-1"
    assert_checkpoint_count(recorder, 2)
    with pytest.raises(AssertionError, match=r"no checkpoint is sent, and 1 were:\n  1. step:charge START, .*SUCCEED$"):
        assert_no_checkpoints(recorder)


async def test_branches_run_and_take_what_is_prepared_by_name() -> None:
    async def branch(item: str, ctx: DurableContext) -> str:
        return await ctx.step(f"do {item}", charge, 1)

    ctx, recorder = MockDurableContext().with_step_result("do a", "A").with_step_result("do b", "B").build()

    assert (await ctx.map("all", ["a", "b"], branch)).results() == ["A", "B"]
    assert_operations(recorder, ["map:all", "step:do a", "step:do b"])


async def test_a_batch_is_decided_as_its_completion_says() -> None:
    async def fails(ctx: DurableContext) -> int:
        raise ValueError("no")

    async def gives(ctx: DurableContext) -> int:
        return 1

    ctx, _ = MockDurableContext().build()
    batch = await ctx.parallel("some", [fails, gives, gives], completion=Completion.first_successful())

    assert [item.status for item in batch] == ["FAILED", "SUCCEEDED", "STARTED"]
    assert await ctx.first("race", a=fails, b=gives) == ("b", 1)


async def test_a_saga_undoes_what_succeeded_in_reverse() -> None:
    undone: list[str] = []

    async def book(name: str) -> str:
        return name

    async def cancel(result: str, name: str) -> None:
        undone.append(result)

    ctx, recorder = MockDurableContext().build()

    async def trip() -> None:
        async with ctx.saga() as saga:
            await saga.step("flight", book, "flight", compensate=cancel)
            await saga.step("hotel", book, "hotel", compensate=cancel)
            raise LookupError("no car")

    with pytest.raises(LookupError):
        await trip()
    assert undone == ["hotel", "flight"]
    assert_operation_names(recorder, ["flight", "hotel", "hotel", "flight"])


async def test_a_compensation_that_fails_is_told() -> None:
    async def refuses(*_: Any) -> None:
        raise ValueError("cannot be undone")

    ctx, _ = MockDurableContext().build()

    async def trip() -> None:
        async with ctx.saga() as saga:
            await saga.step("charge", charge, 1, compensate=refuses, compensation_retry=Retry.none())
            raise LookupError("no car")

    with pytest.raises(CompensationError, match="so did the compensation of 'charge'"):
        await trip()


class Shouting:
    """A codec that writes in capitals."""

    def encode(self, value: Any) -> str:
        return f'"{value}"'.upper()

    def decode(self, payload: str) -> Any:
        return payload.strip('"').upper()


async def test_a_codec_reads_what_is_prepared() -> None:
    ctx, _ = (
        MockDurableContext()
        .with_step_result("step", "a")
        .with_callback("callback", "cb-1", "b")
        .with_callback("asked", "cb-2", "c")
        .with_invoke("invoke", "d")
        .with_condition("condition", "e")
        .with_child_result("child", "f")
        .build()
    )
    codec = Shouting()
    handle = await ctx.create_callback("callback")

    assert await ctx.step("step", charge, 1, codec=codec) == "A"
    assert await ctx.callback_result(handle, codec=codec) == "B"
    assert await ctx.wait_for_callback("asked", charge_here, codec=codec) == "C"
    assert await ctx.invoke("invoke", "f", codec=codec, payload_codec=codec) == "D"
    assert await ctx.wait_for_condition("condition", charge, initial_state=1, until=bool, codec=codec) == "E"
    assert await ctx.run_in_child_context("child", charge, codec=codec) == "F"


async def test_operations_can_be_gathered() -> None:
    ctx, _ = MockDurableContext().with_step_result("a", "A").with_run("b").build()

    assert await asyncio.gather(ctx.step("a", charge, 1), ctx.step("b", charge, 2)) == ["A", "pay-2"]


async def test_time_ids_and_patches_are_the_tests() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    ctx, _ = MockDurableContext().with_now(moment).with_patched("old", False).build()
    again, _ = MockDurableContext().build()

    assert await ctx.now() == moment
    assert (ctx.patched("old"), ctx.patched("new")) == (False, True)
    assert (ctx.uuid(), ctx.random().random()) == (again.uuid(), again.random().random())
    assert ctx.uuid() != ctx.uuid()
    ctx.logger.info("nothing breaks")
    assert (ctx.execution_name, ctx.is_replaying, ctx.remaining_time) == ("mock", False, None)


def test_a_def_handler_uses_every_operation() -> None:
    ctx, recorder = MockDurableContext().build_sync()

    def branch(item: int, c: SyncDurableContext) -> str:
        return c.step("charge", charge_here, item)

    assert ctx.map("all", [1, 2], branch).results() == ["pay-1", "pay-2"]
    assert ctx.run_in_child_context("child", lambda c: branch(3, c), result_type=str) == "pay-3"
    assert (
        ctx.wait_for_condition(
            "ready", lambda state: state + 1, initial_state=0, until=lambda state: state > 1, poll=Poll(initial_delay=1)
        )
        == 2
    )

    def trip() -> None:
        with ctx.saga() as saga:
            saga.step("book", charge_here, 4, compensate=lambda *_: None)
            raise LookupError

    with pytest.raises(LookupError):
        trip()
    with ctx.batch_checkpoints():
        ctx.flush()
    assert ctx.now().year == 2025
    with pytest.raises(Suspended):
        ctx.wait("pause", 1)
    assert ctx.step("async", charge, 1) == "pay-1"
    ctx.step("sleeps", asyncio.sleep, 3600, result_type=None)
    assert recorder.operations[0].kind == "map"


async def test_names_are_checked_as_the_real_context_checks_them() -> None:
    ctx, _ = MockDurableContext().build()
    with pytest.raises(ValidationError):
        ctx.step("", charge, 1)
    with pytest.raises(ValidationError):
        MockDurableContext().with_step_result("x" * 300)


async def test_the_assertions_show_what_differs() -> None:
    ctx, recorder = MockDurableContext().build()
    await ctx.step("charge", charge, 1)
    await ctx.step("ship", charge, 1)

    with pytest.raises(AssertionError) as operations:
        assert_operations(recorder, ["step:validate", "step:charge", "step:ship"])
    assert str(operations.value) == (
        "the operations differ (- expected, + called):\n  - step:validate\n    step:charge\n    step:ship"
    )
    with pytest.raises(AssertionError, match=r"expected 1 checkpoints, and there were 2:\n  1. step:charge START"):
        assert_checkpoint_count(recorder, 1)
    with pytest.raises(AssertionError, match="expected that no checkpoint is sent, and 2 were"):
        assert_no_checkpoints(recorder)
    with pytest.raises(AssertionError, match=r"expected 3 operations, and there were 2:\n  1. step:charge"):
        assert_operation_count(recorder, 3)
    with pytest.raises(AssertionError, match="the operation names differ"):
        assert_operation_names(recorder, ["charge"])
