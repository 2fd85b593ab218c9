"""Handlers: what makes a function durable, what it takes, and what it answers."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Handler, ValidationError, durable_execution
from recording import ARN, RecordingBackend, invocation

RIGHT_FORM = r"def handler\(event: Order, ctx: (Sync)?DurableContext\) -> Receipt"


@dataclass
class Order:
    id: str
    amount: int


@dataclass
class Receipt:
    order: Order
    paid: bool


async def pay(event: Order, ctx: DurableContext) -> Receipt:
    """Pays an order."""
    return Receipt(event, await ctx.step("charge", lambda: True))


def test_the_decorator_works_without_arguments() -> None:
    handler = durable_execution(pay)
    assert isinstance(handler, Handler)
    assert (handler.name, handler.__name__, handler.__doc__) == ("pay", "pay", "Pays an order.")


def test_the_decorator_works_with_arguments() -> None:
    handler = durable_execution(name="payments", backend=RecordingBackend())(pay)
    assert (handler.name, repr(handler)) == ("payments", "<durable function payments>")
    envelope = handler(invocation({"id": "o-1", "amount": 5}), None)
    assert envelope["Status"] == "SUCCEEDED"


def test_the_event_and_the_result_are_typed() -> None:
    assert Execution(pay, {"id": "o-1", "amount": 5}).result() == {"order": {"id": "o-1", "amount": 5}, "paid": True}


def test_fn_is_the_function_itself() -> None:
    assert durable_execution(pay).fn is pay


def test_a_function_may_be_tested_with_any_context() -> None:
    class Stub:
        async def step(self, name: str, fn: Any) -> Any:
            return fn()

    stub: Any = Stub()
    assert asyncio.run(durable_execution(pay).fn(Order("o-1", 5), stub)) == Receipt(Order("o-1", 5), True)


def test_several_handlers_in_one_module_do_not_know_of_each_other() -> None:
    async def one(event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", lambda: "one")

    async def other(event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", lambda: "other")

    assert [Execution(one).result(), Execution(other).result()] == ["one", "other"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"id": "o-1"}, "amount"),
        ({"id": "o-1", "amount": "five"}, "amount"),
        ([1], "Order"),
        (None, "Order"),
        ("text", "Order"),
    ],
    ids=repr,
)
def test_an_event_that_does_not_fit_fails_the_execution_and_says_where(event: Any, text: str) -> None:
    execution = Execution(pay, event)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.DeserializationError"
    assert "the event of pay" in error["ErrorMessage"]
    assert text in error["ErrorMessage"]
    assert execution.calls == []


@pytest.mark.parametrize("payload", ["not JSON", "{", '{"id": "o-1", "amount": 5} and more'])
def test_an_event_that_is_no_json_fails_the_execution(payload: str) -> None:
    event = invocation()
    event["InitialExecutionState"]["Operations"][0]["ExecutionDetails"]["InputPayload"] = payload
    envelope = durable_execution(backend=RecordingBackend())(pay)(event, None)
    assert envelope["Error"]["ErrorType"] == "durable_lambda.errors.DeserializationError"


@pytest.mark.parametrize("details", [{}, {"InputPayload": None}, {"InputPayload": ""}, None], ids=repr)
def test_no_payload_is_none(details: Any) -> None:
    async def tell(event: Any, ctx: DurableContext) -> Any:
        return [event]

    event = invocation()
    event["InitialExecutionState"]["Operations"][0]["ExecutionDetails"] = details
    envelope = durable_execution(backend=RecordingBackend())(tell)(event, None)
    assert json.loads(envelope["Result"]) == [None]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"id": "o-1"},
        None,
        "text",
        [],
        {"DurableExecutionArn": ARN},
        {"CheckpointToken": "t"},
        {"DurableExecutionArn": 5, "CheckpointToken": "t"},
        {"DurableExecutionArn": ARN, "CheckpointToken": None},
        {"DurableExecutionArn": ARN, "CheckpointToken": "t", "InitialExecutionState": "text"},
    ],
    ids=repr,
)
def test_what_is_no_durable_invocation_is_told_as_the_services_sdks_do(event: Any) -> None:
    with pytest.raises(ValueError, match="Unexpected payload provided to start the durable execution"):
        durable_execution(backend=RecordingBackend())(pay)(event, None)


def test_a_handler_without_a_backend_says_what_to_do() -> None:
    with pytest.raises(ValidationError, match="has no backend"):
        durable_execution(pay)(invocation(), None)


def test_a_failure_is_an_envelope_with_type_message_and_stack() -> None:
    async def fail(event: Any, ctx: DurableContext) -> None:
        raise LookupError("no such order")

    error = Execution(fail).error()
    assert (error["ErrorType"], error["ErrorMessage"]) == ("LookupError", "no such order")
    assert "no such order" in error["StackTrace"][-1]
    assert json.loads(error["ErrorData"])["args"] == ["no such order"]


def test_a_result_of_none_is_null() -> None:
    async def nothing(event: Any, ctx: DurableContext) -> None:
        return None

    envelope = durable_execution(backend=RecordingBackend())(nothing)(invocation(), None)
    assert envelope == {"Status": "SUCCEEDED", "Result": "null"}


def test_the_context_tells_of_lambda() -> None:
    async def tell(event: Any, ctx: DurableContext) -> list[Any]:
        assert ctx.lambda_context is lambda_context
        assert ctx.remaining_time is not None
        return [ctx.execution_name, ctx.execution_arn, ctx.remaining_time.total_seconds()]

    lambda_context: Any = SimpleNamespace(
        aws_request_id="r-1", invoked_function_arn=ARN, get_remaining_time_in_millis=lambda: 1500
    )
    envelope = durable_execution(backend=RecordingBackend())(tell)(invocation(), lambda_context)
    assert json.loads(envelope["Result"]) == ["order-42", ARN, 1.5]


def test_without_lambda_there_is_no_remaining_time() -> None:
    async def tell(event: Any, ctx: DurableContext) -> list[Any]:
        return [ctx.remaining_time, ctx.lambda_context]

    assert Execution(tell).result() == [None, None]


# What is refused


def takes_nothing() -> None: ...


async def takes_only_the_event(event: Any) -> None: ...


async def takes_three(event: Any, ctx: DurableContext, more: Any) -> None: ...


async def takes_keywords(*, event: Any, ctx: DurableContext) -> None: ...


async def takes_one_keyword(event: Any, ctx: DurableContext, *, more: Any) -> None: ...


async def yields(event: Any, ctx: DurableContext) -> Any:
    yield 1


async def ok(event: Any, ctx: DurableContext) -> None: ...


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (takes_nothing, "takes_nothing"),
        (takes_only_the_event, "must take the event and the context"),
        (takes_three, "must take the event and the context"),
        (takes_keywords, "must take the event and the context"),
        (takes_one_keyword, "must take the event and the context"),
        (yields, "yields, and a durable function returns"),
        (5, "a durable function is a function, not 5"),
        ("handler", "a durable function is a function"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_signature_mistake_is_refused_at_decoration_with_the_right_form(wrong: Any, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        durable_execution(wrong)
    assert text in str(refused.value)
    assert re.search(RIGHT_FORM, str(refused.value))


def test_a_handler_is_decorated_once() -> None:
    with pytest.raises(ValidationError, match="decorate it once"):
        durable_execution(durable_execution(ok))  # type: ignore[call-overload]  # it is what the test is about


class Methods:
    async def handle(self, event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", lambda: "done")


async def with_default(event: Any, ctx: DurableContext, more: str = "default") -> str:
    return more


async def with_rest(event: Any, ctx: DurableContext, *rest: Any, **more: Any) -> str:
    return "rest"


@pytest.mark.parametrize(
    ("fn", "result"),
    [
        (Methods().handle, "done"),
        (with_default, "default"),
        (with_rest, "rest"),
        (functools.partial(with_default, more="given"), "given"),
    ],
    ids=["method", "default", "rest", "partial"],
)
def test_other_callables_that_take_event_and_context_are_durable_functions(fn: Any, result: str) -> None:
    assert Execution(fn).result() == result


@pytest.mark.parametrize("start_delay", [-1, "1", None, True, float("nan"), float("inf")], ids=repr)
def test_a_start_delay_that_is_no_time_is_refused(start_delay: Any) -> None:
    with pytest.raises(ValidationError, match="start_delay"):
        durable_execution(start_delay=start_delay)(ok)


def test_the_annotation_of_the_event_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = durable_execution(backend=RecordingBackend())(pay)
    event = invocation({"id": "o-1", "amount": 5})
    first = handler(event, None)
    monkeypatch.delitem(globals(), "Order")
    assert handler(event, None) == first


def test_an_annotation_that_json_cannot_be_decoded_into_is_told() -> None:
    async def wrong(event: str | bytes, ctx: DurableContext) -> None: ...

    error = Execution(wrong).error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "str | bytes" in error["ErrorMessage"]


evaluations: list[str] = []


def order_type() -> type[Order]:
    """For an annotation that tells when it is evaluated."""
    evaluations.append("once")
    return Order


def test_the_type_of_the_event_is_found_out_once_for_all_invocations() -> None:
    async def count(event: order_type(), ctx: DurableContext) -> int:  # pyright: ignore[reportInvalidTypeForm]
        return event.amount

    handler = durable_execution(backend=RecordingBackend())(count)
    evaluations.clear()
    for _ in range(2):
        assert handler(invocation({"id": "o-1", "amount": 5}), None)["Result"] == "5"
    assert evaluations == ["once"]
