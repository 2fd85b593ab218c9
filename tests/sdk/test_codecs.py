"""Codecs of the user's: for one operation, and for everything that a handler stores."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from drive import Execution
from durable_lambda import Completion, DeserializationError, DurableContext, ValidationError, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.protocol.operations import Operation, StepDetails
from durable_lambda.tagged import plain
from recording import RecordingBackend, run

VALIDATION = "durable_lambda.errors.ValidationError"
MIB = 1024 * 1024


@dataclass
class Order:
    id: str
    total: int


ORDER = Order("o-1", 5)


class Reversed:
    """A codec for text that shows that it was there."""

    def encode(self, value: str) -> str:
        return "~" + value[::-1]

    def decode(self, payload: str) -> str:
        assert payload.startswith("~"), "this was not encoded by it"
        return payload[:0:-1]


class OrderCodec:
    """A codec for one class, in a form of its own that is no JSON."""

    def encode(self, value: Order) -> str:
        return f"{value.id}/{value.total}"

    def decode(self, payload: str) -> Order:
        order_id, total = payload.split("/")
        return Order(order_id, int(total))


class Deflated:
    def encode(self, value: str) -> str:
        return base64.b64encode(zlib.compress(value.encode())).decode()

    def decode(self, payload: str) -> str:
        return zlib.decompress(base64.b64decode(payload)).decode()


async def make(*_: Any) -> Order:
    return ORDER


async def fail(*_: Any) -> Order:
    raise ValueError("no")


def results_of(operation: Operation) -> str | None:
    details = operation.step_details or operation.context_details
    return details.result if details is not None else None


async def step(ctx: DurableContext, **options: Any) -> Any:
    return await ctx.step("x", make, **options)


async def child(ctx: DurableContext, **options: Any) -> Any:
    return await ctx.run_in_child_context("x", make, **options)


async def block(ctx: DurableContext, **options: Any) -> Any:
    return await ctx.with_retry("x", make, **options)


async def condition(ctx: DurableContext, **options: Any) -> Any:
    return await ctx.wait_for_condition("x", make, initial_state=ORDER, until=lambda _: True, **options)


OPERATIONS = [step, child, block, condition]


def seen_twice(code: Any, handlers: Any = None, **options: Any) -> tuple[Any, RecordingBackend]:
    """What the code gets, which has to be the same on replay, and what was stored.

    `handlers` is the codec of the handler; `options` are those of the operation.
    """
    seen: list[Any] = []
    backend = RecordingBackend()

    @durable_execution(backend=backend, codec=handlers)
    async def handler(event: Any, ctx: DurableContext) -> str:
        seen.append(await code(ctx, **options))
        return "done"

    sent = 0
    for _ in range(2):
        assert run(handler, None, list(backend.operations.values())) == {"Status": "SUCCEEDED", "Result": "done"}
        sent = sent or len(backend.calls)
    assert len(backend.calls) == sent, "the replay sends nothing"
    first, replayed = seen
    assert first == replayed
    return replayed, backend


def stored(backend: RecordingBackend, name: str) -> str | None:
    (found,) = [operation for operation in backend.operations.values() if operation.name == name]
    return results_of(found)


@pytest.mark.parametrize("code", OPERATIONS)
def test_an_operation_stores_and_reads_by_its_codec(code: Any) -> None:
    value, backend = seen_twice(code, codec=OrderCodec())
    assert value == ORDER
    assert stored(backend, "x") == "o-1/5"


@pytest.mark.parametrize("code", OPERATIONS)
def test_what_a_handler_stores_goes_through_its_codec(code: Any) -> None:
    value, backend = seen_twice(code, Reversed())
    assert value == ORDER
    assert stored(backend, "x") == "~" + '{"id":"o-1","total":5}'[::-1]


@pytest.mark.parametrize("code", OPERATIONS)
def test_the_codec_of_a_handler_goes_around_that_of_an_operation(code: Any) -> None:
    value, backend = seen_twice(code, Reversed(), codec=OrderCodec())
    assert value == ORDER
    assert stored(backend, "x") == "~5/1-o"


BATCHES = {
    "nothing": (None, {}, '{"id":"o-1","total":5}', {"id": "o-1", "total": 5}),
    "of the operation": (None, {"item_codec": OrderCodec()}, "o-1/5", "o-1/5"),
    "of the handler": (Reversed(), {}, '~}5:"latot","1-o":"di"{', '~}5:"latot","1-o":"di"{'),
    "of both": (Reversed(), {"item_codec": OrderCodec()}, "~5/1-o", "~5/1-o"),
}


async def in_parallel(ctx: DurableContext, **options: Any) -> Any:
    return await ctx.parallel("x", {"a": fail, "b": make}, completion=Completion.all_completed(), **options)


async def in_map(ctx: DurableContext, **options: Any) -> Any:
    async def item(name: str, ctx: DurableContext) -> Order:
        return await (fail() if name == "a" else make())

    names = {"completion": Completion.all_completed(), "item_name": lambda name, _: name}
    return await ctx.map("x", ["a", "b"], item, **names, **options)


@pytest.mark.parametrize(("handlers", "options", "of_branch", "in_batch"), BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("code", [in_parallel, in_map])
def test_a_batch_stores_and_reads_the_results_of_its_branches_by_the_codec(
    handlers: Any, options: Any, of_branch: str, in_batch: Any, code: Any
) -> None:
    async def outcome(ctx: DurableContext, **options: Any) -> Any:
        batch = await code(ctx, **options)
        return batch.succeeded[0].result, repr(batch.errors())

    (value, errors), backend = seen_twice(outcome, handlers, **options)
    assert value == ORDER
    assert errors == "[ValueError('no')]"
    assert stored(backend, "b") == of_branch
    failed, succeeded = json.loads(plain(stored(backend, "x") or ""))["all"]
    assert succeeded["result"] == in_batch
    assert failed["error"]["ErrorType"] == "ValueError"


def test_a_batch_that_is_too_large_to_store_is_read_from_its_branches_by_the_codec() -> None:
    async def large(ctx: DurableContext) -> str:
        return "x" * 150_000

    async def batch(ctx: DurableContext) -> Any:
        return (await ctx.parallel("x", [large, large])).results()

    value, backend = seen_twice(batch, Reversed())
    assert value == ["x" * 150_000] * 2
    assert json.loads(stored(backend, "x") or "")["itemStatuses"] == "SS"


def test_the_size_that_counts_is_the_stored_one() -> None:
    async def compressible(ctx: DurableContext) -> Any:
        return len(await ctx.step("x", lambda: "x" * 3 * MIB))

    value, backend = seen_twice(compressible, Deflated())
    assert value == 3 * MIB
    assert len(stored(backend, "x") or "") < MIB


def test_first_timeout_and_saga_go_through_the_codec_of_the_handler() -> None:
    async def code(ctx: DurableContext) -> Any:
        winner = await ctx.first("f", a=make)
        in_time = await ctx.timeout("t", 60, make)
        async with ctx.saga() as saga:
            done = await saga.step("s", make, compensate=lambda *_: None)
            result = await saga.run_compensations()
        return [winner, in_time, done, len(result.succeeded)]

    value, backend = seen_twice(code, Reversed())
    assert value == [("a", ORDER), ORDER, ORDER, 1]
    plain = [op.name for op in backend.operations.values() if '"o-1"' in (results_of(op) or "")]
    assert plain == []


def test_the_event_and_the_result_of_the_handler_stay_as_they_are() -> None:
    backend = RecordingBackend()

    @durable_execution(backend=backend, codec=Reversed())
    async def handler(event: Order, ctx: DurableContext) -> Order:
        return event

    assert run(handler, {"id": "o-1", "total": 5})["Result"] == {"id": "o-1", "total": 5}


def test_callbacks_and_invokes_have_codecs_of_their_own_and_not_the_handlers() -> None:
    """The other side writes and reads them, and does not know the handler's codec."""
    seen: list[Any] = []

    class Quoted(OrderCodec):
        def encode(self, value: Order) -> str:
            return json.dumps(super().encode(value))

        def decode(self, payload: str) -> Order:
            return super().decode(json.loads(payload))

    @durable_execution
    async def echo(event: str, ctx: DurableContext) -> str:
        seen.append(event)
        return event

    @durable_execution(codec=Reversed())
    async def asks(event: None, ctx: DurableContext) -> None:
        plain = await ctx.invoke("i", "echo", "text", result_type=str)
        typed = await ctx.invoke("j", "echo", ORDER, payload_codec=Quoted(), codec=Quoted())
        handle = await ctx.create_callback("cb")
        await ctx.step("answer", engine.asend_callback_success, handle.callback_id, "o-1/5")
        answer = await ctx.callback_result(handle, codec=Quoted())
        again = await ctx.wait_for_callback("w", engine.asend_callback_success, "o-1/5", codec=Quoted())
        unquoted = await ctx.wait_for_callback("v", engine.asend_callback_success, "text", result_type=str)
        seen.append([plain, typed, answer, again, unquoted])

    with Engine(clock=SkippingClock()) as engine:
        engine.register(echo)
        engine.register(asks)
        execution = engine.start("asks")
        execution.result(10)
        contexts = {op.name: op.context_details.result for op in execution.operations() if op.context_details}
    assert seen[-1] == ["text", ORDER, ORDER, ORDER, "text"]
    assert seen[:2] == ["text", "o-1/5"]
    assert contexts == {"w": '~"5/1-o"', "v": '~"txet"'}


def test_an_execution_that_began_without_the_codec_is_told_what_cannot_be_read() -> None:
    backend = RecordingBackend()
    raised: list[DeserializationError] = []

    async def code(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("x", make)
        except DeserializationError as error:
            raised.append(error)

    run(durable_execution(backend=backend)(code))
    run(durable_execution(backend=backend, codec=Reversed())(code), None, list(backend.operations.values()))
    assert str(raised[0]).startswith("the recorded result of step 'x': AssertionError: this was not encoded by it")
    assert isinstance(raised[0].__cause__, AssertionError)


def test_a_result_that_another_sdk_recorded_as_nothing_is_none() -> None:
    async def code(event: Any, ctx: DurableContext) -> Any:
        return [await ctx.step("x", lambda: None), await ctx.step("y", make, codec=OrderCodec())]

    backend = RecordingBackend()
    run(durable_execution(backend=backend)(code))
    emptied = [msgspec.structs.replace(each, step_details=StepDetails(1)) for each in backend.operations.values()]
    handler = durable_execution(backend=backend, codec=Reversed())(code)
    assert run(handler, None, emptied)["Result"] == [None, None]


# Mistakes


@pytest.mark.parametrize("codec", [OrderCodec, 5, str, json, object()], ids=["a class", "5", "str", "json", "object"])
@pytest.mark.parametrize("code", [*OPERATIONS, in_parallel, in_map])
def test_what_is_no_codec_is_refused_before_anything_is_sent(code: Any, codec: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await code(ctx, codec=codec)

    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == VALIDATION
    assert "takes an object with encode(value) -> str and decode(text), not" in error["ErrorMessage"]
    assert execution.calls == []


def test_what_is_no_codec_of_a_handler_is_refused_when_it_is_decorated() -> None:
    with pytest.raises(ValidationError) as refusal:
        durable_execution(codec=OrderCodec)(handler_of_nothing)  # type: ignore[arg-type, call-overload]
    assert str(refusal.value).startswith("codec= of @durable_execution() takes an object with encode(value)")
    assert str(refusal.value).endswith("OrderCodec'>: OrderCodec(…)")


async def handler_of_nothing(event: Any, ctx: DurableContext) -> None: ...


@pytest.mark.parametrize("code", OPERATIONS)
def test_a_codec_that_gives_no_str_is_told(code: Any) -> None:
    class Bytes(OrderCodec):
        def encode(self, value: Order) -> Any:
            return b"no str"

    async def handler(event: Any, ctx: DurableContext) -> None:
        await code(ctx, codec=Bytes())

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.SerializationError"
    assert "encode() must return a str, not a value of type bytes" in error["ErrorMessage"]


def test_raw_and_a_codec_of_an_answer_exclude_each_other() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.callback_result(await ctx.create_callback("cb"), raw=True, codec=OrderCodec())

    error = Execution(handler).error()
    assert error["ErrorType"] == VALIDATION
    assert "raw=True or codec=, not both" in error["ErrorMessage"]
