"""Stubs of steps and of functions that are invoked."""

from __future__ import annotations

import pytest

from durable_lambda import DurableContext, InvokeError, Retry, ValidationError, durable_execution
from durable_lambda.testing import DurableTestRunner


class PaymentUnavailable(Exception):  # noqa: N818  # users name their errors as they like
    pass


async def charge(amount: int) -> str:
    raise AssertionError("the real payment service was called")


def charge_on_a_thread(amount: int) -> str:
    raise AssertionError("the real payment service was called")


@durable_execution
async def order(event: int, ctx: DurableContext) -> str:
    return await ctx.step("charge", charge, event, retry=Retry.fixed(1, max_attempts=3))


@durable_execution
async def order_on_a_thread(event: int, ctx: DurableContext) -> str:
    return await ctx.step("charge", charge_on_a_thread, event)


@durable_execution
async def invoking(event: int, ctx: DurableContext) -> int:
    return await ctx.invoke("pay", "payments:live", event, result_type=int)


@pytest.mark.parametrize("function", [order, order_on_a_thread])
def test_a_stubbed_step_has_its_value_without_running_the_body(function) -> None:
    runner = DurableTestRunner(function).stub_step("charge", "pay-1")
    run = runner.run(9)

    assert run.result == "pay-1"
    assert run.operation("charge").result == "pay-1"
    assert runner.stub_calls("charge") == [(9,)]


def test_a_stubbed_step_raises_through_its_retry_policy() -> None:
    run = DurableTestRunner(order).stub_step("charge", PaymentUnavailable("no answer"), "pay-2").run(9)

    assert run.result == "pay-2"
    assert run.operation("charge").attempts == 2


def test_the_last_outcome_of_a_stub_stays() -> None:
    run = DurableTestRunner(order).stub_step("charge", PaymentUnavailable).run(9)

    assert run.error is not None
    assert (run.error.error_type or "").endswith("PaymentUnavailable")
    assert run.operation("charge").attempts == 3


@pytest.mark.parametrize("function", [order, order_on_a_thread])
def test_a_stub_may_compute_its_value_from_the_bodys_arguments(function) -> None:
    async def later(amount: int) -> str:
        return f"later-{amount}"

    assert DurableTestRunner(function).stub_step("charge", lambda amount: f"pay-{amount}").run(9).result == "pay-9"
    assert DurableTestRunner(function).stub_step("charge", later).run(9).result == "later-9"


def test_a_stub_begins_anew_with_every_run() -> None:
    runner = DurableTestRunner(order).stub_step("charge", PaymentUnavailable("no"), "pay")

    assert [runner.run(1).operation("charge").attempts for _ in range(2)] == [2, 2]


def test_a_stub_that_no_step_asked_for_is_told_with_the_name_that_was_meant() -> None:
    runner = DurableTestRunner(order).stub_step("charge", "pay-1").stub_step("chrage", "pay-2")

    with pytest.raises(AssertionError, match=r"the stub 'chrage' was never called; did you mean 'charge'\?"):
        runner.run(9)


def test_a_stub_may_be_optional() -> None:
    runner = DurableTestRunner(order).stub_step("charge", "pay-1").stub_step("refund", None, optional=True)

    assert runner.run(9).status == "SUCCEEDED"


def test_a_stub_without_an_outcome_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"stub_step\('charge', …\) needs an outcome"):
        DurableTestRunner(order).stub_step("charge")


def test_a_function_that_is_invoked_is_stubbed_by_its_name() -> None:
    runner = DurableTestRunner(invoking).stub_invoke("payments", lambda amount: amount * 2)

    assert runner.run(21).result == 42
    assert runner.stub_calls("payments") == [(21,)]


def test_a_stubbed_invoke_fails_with_the_exception() -> None:
    @durable_execution
    async def careful(event: int, ctx: DurableContext) -> str | None:
        try:
            return await ctx.invoke("pay", "payments", event)
        except InvokeError as error:
            return error.error_message

    run = DurableTestRunner(careful).stub_invoke("payments", PaymentUnavailable("closed")).run(1)

    assert run.result == "closed"


def test_a_stub_of_a_function_that_nobody_invoked_is_told() -> None:
    runner = DurableTestRunner(order).stub_step("charge", "pay").stub_invoke("payments", 1)

    with pytest.raises(AssertionError, match=r"the stub 'payments' was never called"):
        runner.run(9)


def test_functions_invoke_each_other_when_they_are_registered() -> None:
    @durable_execution
    async def payments(event: int, ctx: DurableContext) -> int:
        await ctx.wait("a day", 86_400)
        return event + 1

    def rates(event: dict[str, int], _: object) -> int:
        return event["amount"] * 3

    @durable_execution
    async def caller(event: int, ctx: DurableContext) -> list[int]:
        durable = await ctx.invoke("pay", "payments", event, result_type=int)
        return [durable, await ctx.invoke("rate", "rates", {"amount": event}, result_type=int)]

    run = DurableTestRunner(caller).register(payments).register(rates, "rates").run(5)

    assert run.result == [6, 15]


def test_the_submitter_of_a_callback_can_be_stubbed() -> None:
    @durable_execution
    async def both(event: None, ctx: DurableContext) -> int:
        return await ctx.wait_for_callback("approval", charge, result_type=int)

    run = DurableTestRunner(both).stub_step("approval submitter", "sent").start()
    run.send_callback_success("approval", 1)

    assert run.run().result == 1


def test_a_check_of_a_condition_can_be_stubbed() -> None:
    async def check(state: int) -> int:
        raise AssertionError("the real service was asked")

    @durable_execution
    async def polling(event: None, ctx: DurableContext) -> int:
        return await ctx.wait_for_condition("ready", check, initial_state=0, until=lambda state: state >= 3)

    run = DurableTestRunner(polling).stub_step("ready", lambda state: state + 1).run()

    assert run.result == 3
    assert run.operation("ready").attempts == 3
