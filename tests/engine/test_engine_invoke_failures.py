"""Invokes that do not succeed: which error the code that invokes gets, and what it is told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from durable_lambda import InvokeStoppedError, InvokeTimeoutError
from durable_lambda.engine import Engine, Limits, SkippingClock
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.errors import ExecutionFailedError
from durable_lambda.protocol.operations import ErrorObject
from invoking import approving, failing, order, outcome, pay, told
from scripted import Mail


@pytest.fixture
def engine():
    with Engine(clock=SkippingClock(1_000_000)) as engine:
        yield engine


def raise_declined(event: Any, context: Any) -> None:
    raise ValueError("no funds")


def answer_no_json(event: Any, context: Any) -> object:
    return object()


def answer_too_much(event: Any, context: Any) -> str:
    return "x" * 1_048_576


def exit_all(event: Any, context: Any) -> None:
    raise SystemExit(3)


def stop_iteration(event: Any, context: Any) -> None:
    raise StopIteration


def raise_no_unicode(event: Any, context: Any) -> None:
    raise OSError("no such file: \udcff")


SERIALIZATION = "durable_lambda.errors.SerializationError"


@pytest.mark.parametrize(
    ("function", "error_type", "message"),
    [
        (raise_declined, "ValueError", "no funds"),
        (failing, "ValueError", "no funds"),
        (answer_no_json, SERIALIZATION, "the result of 'answer_no_json' cannot be written as JSON"),
        (answer_too_much, "InvalidParameterValueException", "CHAINED_INVOKE output payload size must be less than"),
        (exit_all, "SystemExit", "3"),
        (stop_iteration, "RuntimeError", "the function raised StopIteration"),
        (raise_no_unicode, "InvalidParameterValueException", "a text is not valid Unicode"),
    ],
)
def test_a_target_that_fails_is_an_invoke_error_with_what_it_raised(engine, function, error_type, message):
    engine.register(function)
    engine.register(outcome)
    execution = engine.start("outcome", function.__name__ if function is not failing else "failing")
    kind, told_type, told_message = execution.result(10)
    assert (kind, told_type) == ("InvokeError", error_type)
    assert message in told_message
    told(execution)


def test_an_unknown_function_is_an_invoke_error_at_once(engine):
    engine.register(outcome)
    assert engine.start("outcome", "nobody").result(10) == [
        "InvokeError",
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST",
    ]


def test_a_function_of_another_account_fails_the_execution(engine):
    engine.register(outcome)
    with pytest.raises(ExecutionFailedError, match=r"Cannot start a CHAINED_INVOKE on a function in another account\."):
        engine.start("outcome", "123456789012:function:pay").result(10)


def test_the_services_rule_for_qualifiers_can_be_asked_for():
    with Engine(clock=SkippingClock(1_000_000), strict_qualifiers=True) as engine:
        engine.register(order)
        engine.register(pay)
        with pytest.raises(ExecutionFailedError, match="You cannot invoke a durable function using an unqualified ARN"):
            engine.start("order", {"amount": 1}).result(10)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_plain_function_that_takes_too_long_fails_the_invoke(engine, is_async):
    release = threading.Event()

    def block(event: Any, context: Any) -> None:
        release.wait(10)

    async def block_on_the_loop(event: Any, context: Any) -> None:
        await asyncio.Event().wait()

    slow = PlainFunction("slow", block_on_the_loop if is_async else block, 0.01)
    engine._thread.ask(lambda host: host.register_plain(slow)).result()
    engine.register(outcome)
    assert engine.start("outcome", "slow").result(10) == [
        "InvokeError",
        "Sandbox.Timedout",
        "The invocation timed out after 0.01 seconds.",
    ]
    release.set()


def test_a_child_that_times_out_is_told_so(engine):
    engine.register(outcome)
    engine.register(pay, execution_timeout=60)
    assert engine.start("outcome", "pay").result(10) == [
        InvokeTimeoutError.__name__,
        "ChainedInvoke.Timeout",
        "CHAINED_INVOKE timed out after 60 seconds.",
    ]


def test_a_child_that_is_stopped_is_told_so(engine):
    asked = Mail()
    engine.register(outcome)
    engine.register(approving(asked))
    execution = engine.start("outcome", "approve")
    asked.get()
    (child,) = engine.executions("approve")
    child.stop(ErrorObject("Operator", "not today"))
    assert execution.result(10) == [InvokeStoppedError.__name__, "Operator", "not today"]


def test_the_limit_of_payloads_is_the_engines():
    with Engine(limits=Limits(operation_payload=10)) as engine:
        engine.register(order)
        engine.register(pay)
        with pytest.raises(ExecutionFailedError, match="CHAINED_INVOKE input payload size must be less than or equal"):
            engine.start("order", {"amount": 1}).result(10)
