"""Payloads with tags, as the official Python SDK writes them: read like plain ones, and never written by accident."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import Execution
from durable_lambda import Completion, DurableContext
from durable_lambda.protocol import operations as wire
from durable_lambda.tagged import distinct, plain, tagged

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["t", "v", "m", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@given(JSON)
def test_a_tagged_value_is_read_as_the_value(value: Any) -> None:
    assert json.loads(plain(compact(tagged(value)))) == value


@given(JSON | st.builds(lambda tag, value: {"t": tag, "v": value}, st.sampled_from(["s", "m", "l", "no tag"]), JSON))
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert json.loads(plain(distinct(compact(value)))) == value


@pytest.mark.parametrize("payload", ["", "no json", '{"t":"', '{"t":"m"}', '{"t":"x","v":1}', '{"t":"s","v":1,"w":2}'])
def test_what_is_no_tagged_value_is_left_alone(payload: str) -> None:
    assert plain(payload) == payload
    assert distinct(payload) == payload


@dataclass
class Line:
    sku: str
    price: Decimal
    since: datetime


async def price(sku: str) -> Line:
    return Line(sku, Decimal("1.5"), datetime(2026, 1, 1))


@pytest.mark.parametrize("kind", ["step", "child context", "condition"])
def test_a_recorded_result_with_tags_comes_back_as_the_declared_type(kind: str) -> None:
    async def child(ctx: DurableContext) -> Line:
        return await price("tea")

    async def look(state: Line) -> Line:
        return state

    async def handler(event: Any, ctx: DurableContext) -> Any:
        line = await price("tea")
        match kind:
            case "step":
                got = await ctx.step("op", price, "tea")
            case "child context":
                got = await ctx.run_in_child_context("op", child)
            case _:
                got = await ctx.wait_for_condition("op", look, initial_state=line, until=lambda _: True)
        return [got == line, got.sku, str(got.price), got.since.isoformat()]

    execution = Execution(handler)
    assert execution.result() == [True, "tea", "1.5", "2026-01-01T00:00:00"]
    members = {
        "sku": {"t": "s", "v": "mug"},
        "price": {"t": "d", "v": "9.75"},
        "since": {"t": "dt", "v": "2027-01-01T00:00:00"},
    }
    record(execution, compact({"t": "m", "v": members}))
    assert execution.result() == [False, "mug", "9.75", "2027-01-01T00:00:00"]


def record(execution: Execution, payload: str) -> None:
    """Have the history say that `op` gave this."""
    if execution.operation("op").type == "STEP":
        execution.change("op", step_details=wire.StepDetails(1, None, payload))
    else:
        execution.change("op", context_details=wire.ContextDetails(False, payload))


def test_the_state_of_a_condition_is_read_without_its_tags() -> None:
    seen: list[Any] = []

    async def look(state: Any) -> Any:
        seen.append(state)
        return {"count": state["count"] + 1}

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.wait_for_condition(
            "op", look, initial_state={"count": 0}, until=lambda state: state["count"] == 9
        )

    execution = Execution(handler)
    execution.suspends()
    details = wire.StepDetails(1, None, compact({"t": "m", "v": {"count": {"t": "i", "v": 8}}}))
    execution.change("op", step_details=details, status="READY")
    assert execution.result() == {"count": 9}
    assert seen == [{"count": 0}, {"count": 8}]


def test_an_object_that_looks_tagged_is_the_same_on_the_first_run_and_on_replay() -> None:
    looks_tagged = {"t": "s", "v": {"t": "i", "v": "not a number"}}

    async def give() -> Any:
        return looks_tagged

    async def branch(ctx: DurableContext) -> Any:
        return looks_tagged

    async def handler(event: Any, ctx: DurableContext) -> Any:
        given = [await ctx.step("step", give), await ctx.run_in_child_context("child", branch)]
        batch = await ctx.parallel("batch", [branch])
        return given + batch.results()

    execution = Execution(handler)
    assert execution.result() == [looks_tagged] * 3
    assert execution.result() == [looks_tagged] * 3
    assert execution.sent == []


def test_the_result_of_the_function_and_what_comes_from_outside_have_no_tags_to_take_away() -> None:
    looks_tagged = {"t": "s", "v": "x"}

    async def handler(event: Any, ctx: DurableContext) -> Any:
        answer = await ctx.callback_result(await ctx.create_callback("asked"))
        return [event, answer]

    async def same(event: Any, ctx: DurableContext) -> Any:
        return event

    execution = Execution(handler, looks_tagged)
    execution.suspends()
    execution.answer("asked", looks_tagged)
    assert execution.result() == [looks_tagged, looks_tagged]
    assert Execution(same, looks_tagged).result() == looks_tagged


async def item(number: int, ctx: DurableContext) -> Any:
    if number < 0:
        raise LookupError("below nothing")
    return {"number": number}


async def batch_of_three(event: Any, ctx: DurableContext) -> Any:
    completion = Completion.at_least(1)
    batch = await ctx.map("op", [-1, 2, 3], item, max_concurrency=1, completion=completion)
    told = [[each.status, each.result, repr(each.error)] for each in batch]
    return [*told, batch.completion_reason]


BATCH_OF_THREE = [
    ["FAILED", None, "LookupError('below nothing')"],
    ["SUCCEEDED", {"number": 2}, "None"],
    ["STARTED", None, "None"],
    "MIN_SUCCESSFUL_REACHED",
]


def test_a_batch_is_stored_with_tags_and_without_the_branches_that_were_not_begun() -> None:
    execution = Execution(batch_of_three)
    assert execution.result() == BATCH_OF_THREE
    details = execution.operation("op").context_details
    assert details is not None
    stored = json.loads(details.result or "")
    assert stored["t"] == "br"
    batch = json.loads(plain(details.result or ""))
    assert [[each["index"], each["status"], each["result"]] for each in batch["all"]] == [
        [0, "FAILED", None],
        [1, "SUCCEEDED", {"number": 2}],
    ]
    assert execution.result() == BATCH_OF_THREE, "a replay tells of all three"


def test_a_batch_that_the_official_sdk_stored_is_read() -> None:
    execution = Execution(batch_of_three)
    execution.result()
    items = [
        {"index": 0, "status": "FAILED", "result": None, "error": {"ErrorType": "LookupError", "ErrorMessage": "gone"}},
        {"index": 1, "status": "SUCCEEDED", "result": {"number": 20}, "error": None},
    ]
    value = {"all": tagged(items), "completionReason": tagged("MIN_SUCCESSFUL_REACHED")}
    record(execution, compact({"t": "br", "v": value}))
    expected = json.loads(json.dumps(BATCH_OF_THREE).replace("below nothing", "gone"))
    expected[1][1] = {"number": 20}
    assert execution.result() == expected


@pytest.mark.parametrize("reason", ["ALL_COMPLETED", "MIN_SUCCESSFUL_REACHED"])
@pytest.mark.parametrize("recorded", [2, 4])
def test_another_number_of_branches_than_the_official_sdk_stored_is_told(reason: str, recorded: int) -> None:
    execution = Execution(batch_of_three)
    execution.result()
    items = [{"index": index, "status": "SUCCEEDED", "result": 1, "error": None} for index in range(recorded)]
    record(execution, compact({"t": "br", "v": {"all": tagged(items), "completionReason": tagged(reason)}}))
    if recorded == 2 and reason == "MIN_SUCCESSFUL_REACHED":
        assert execution.result()[2] == ["STARTED", None, "None"], "one was not begun"
    else:
        assert "number of branches" in execution.error()["ErrorMessage"]
