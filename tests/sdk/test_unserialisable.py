"""Values that cannot be stored: an error of that operation, which says what to do, and which user code can catch."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from drive import Execution
from durable_lambda import DurableContext, SerializationError

MIB = 1024 * 1024


@dataclass
class Line:
    item: str


class Plain:
    pass


def cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


def failure_of(value: Any, **options: Any) -> tuple[str, Execution]:
    """The error of a step that returns the value, as user code catches it; the same on replay."""
    seen: list[SerializationError] = []

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("work", lambda: value, inline=True, **options)
        except SerializationError as error:
            seen.append(error)
            return "caught"
        return "stored"

    execution = Execution(handler)
    assert execution.result() == "caught"
    first_sent = execution.sent
    assert execution.result() == "caught"
    first, replayed = seen
    assert str(first) == str(replayed)
    assert first.code == "SERIALIZATION"
    assert first_sent == [("STEP", "work", "START"), ("STEP", "work", "FAIL")]
    return str(first), execution


@pytest.mark.parametrize(
    "value",
    [
        Line("a"),
        datetime(2026, 1, 1, tzinfo=UTC),
        Decimal(1),
        UUID(int=1),
        b"bytes",
        {1, 2},
        (1, 2),
        {1: "a"},
        {"a": (1, 2)},
        [Line("a")],
    ],
    ids=repr,
)
def test_without_a_type_only_json_types_are_stored(value: Any) -> None:
    text, _ = failure_of(value)
    assert "result_type=" in text
    assert "annotat" in text


@pytest.mark.parametrize("value", [None, True, 1, 2**70, 1.5, "a", [1, [2]], {"a": {"b": None}}, [], {}, ""], ids=repr)
def test_without_a_type_json_types_are_stored(value: Any) -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", lambda: value)

    execution = Execution(handler)
    assert execution.result() == value
    assert execution.result() == value


@pytest.mark.parametrize(
    "value",
    [Plain(), [Plain()], object, math.nan, math.inf, cycle(), "\ud800", print],
    ids=lambda each: str(each)[:20],
)
def test_what_is_no_json_at_all_is_refused(value: Any) -> None:
    failure_of(value)


def test_the_error_names_the_operation_and_the_type() -> None:
    text, _ = failure_of(Line("a"))
    assert "step 'work'" in text
    assert "Line" in text


def test_the_error_has_the_operations_name_and_id() -> None:
    async def handler(event: Any, ctx: DurableContext) -> list[Any]:
        with pytest.raises(SerializationError) as raised:
            await ctx.step("work", Plain)
        return [raised.value.operation_name, raised.value.operation_id]

    execution = Execution(handler)
    assert execution.result() == ["work", execution.ids["work"]]
    assert execution.result() == ["work", execution.ids["work"]]


@pytest.mark.parametrize("value", [OrderedDict(a=1), Counter(a=1), defaultdict(int, a=1)], ids=repr)
def test_a_subclass_of_a_json_type_is_that_type_on_the_first_run_too(value: Any) -> None:
    kinds = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        kinds.append(type(await ctx.step("work", lambda: value)))

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert kinds == [dict, dict]


def test_a_value_that_does_not_fit_its_type_is_told_with_both() -> None:
    text, _ = failure_of("not a number", result_type=int)
    assert "int" in text
    assert "str" in text


def test_it_is_not_tried_again() -> None:
    runs = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", lambda: runs.append(1) or Plain())

    Execution(handler).error()
    assert runs == [1]


@pytest.mark.parametrize("character", ["x", "é"])
def test_a_result_over_1_mib_is_an_error_of_that_step(character: str) -> None:
    text, execution = failure_of(character * (MIB if character == "x" else MIB // 2))
    assert "1048578 bytes, the limit is 1048576" in text
    assert "store it elsewhere" in text
    assert max(len(update.payload or "") for update in execution.backend.updates) == 0


def test_a_result_of_1_mib_is_stored() -> None:
    async def handler(event: Any, ctx: DurableContext) -> int:
        return len(await ctx.step("work", lambda: "é" * (MIB // 2 - 1)))

    assert Execution(handler).result() == MIB // 2 - 1


def test_a_handlers_result_that_is_no_json_fails_the_execution() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return Plain()

    error = Execution(handler).error()
    assert error["ErrorType"] == "durable_lambda.errors.SerializationError"
    assert "the result of handler" in error["ErrorMessage"]


def test_a_recorded_result_that_no_longer_fits_is_told_with_the_operation() -> None:
    async def before(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", lambda: "text")

    async def after(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", lambda: 1, result_type=int)

    execution = Execution(before)
    execution.result()
    error = execution.error(after)
    assert error["ErrorType"] == "durable_lambda.errors.DeserializationError"
    assert "the recorded result of step 'work'" in error["ErrorMessage"]


# Codecs


class Upper:
    """A codec that shows what it did."""

    def encode(self, value: str) -> str:
        return value.upper()

    def decode(self, payload: str) -> str:
        return payload.lower()


def test_a_codec_stores_and_reads() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.step("work", lambda: "text", codec=Upper())

    execution = Execution(handler)
    assert execution.result() == "text"
    assert execution.calls[0][1].payload == "TEXT"
    assert execution.result() == "text"


def test_a_codec_that_fails_fails_its_step() -> None:
    class Broken(Upper):
        def encode(self, value: str) -> str:
            raise SerializationError("no key")

    async def handler(event: Any, ctx: DurableContext) -> Any:
        with pytest.raises(SerializationError, match="no key"):
            await ctx.step("work", lambda: "text", codec=Broken())
        return "caught"

    execution = Execution(handler)
    assert execution.result() == "caught"
    assert execution.result() == "caught"
