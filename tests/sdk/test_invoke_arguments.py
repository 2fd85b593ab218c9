"""What `invoke` sends, and what it refuses before anything is sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, SerializationError, ValidationError
from durable_lambda.protocol.updates import ChainedInvokeOptions


@dataclass
class Receipt:
    id: str
    on: date


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (None, None),
        (0, "0"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (Receipt("r", date(2026, 1, 2)), '{"id":"r","on":"2026-01-02"}'),
        (Decimal("1.50"), '"1.50"'),
        ("ü", '"ü"'),
    ],
)
def test_a_payload_is_sent_as_json_and_none_is_none(payload: Any, sent: str | None) -> None:
    async def send(event: Any, ctx: DurableContext) -> Any:
        return await ctx.invoke(None, "payments", payload, tenant_id="blue team")

    execution = Execution(send)
    execution.suspends()
    (update,) = execution.calls[0]
    assert update.payload == sent
    assert update.chained_invoke_options == ChainedInvokeOptions("payments", "blue team")


class Unwritable:
    pass


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (Unwritable(), "cannot be written as JSON"),
        ({"a": {Unwritable(): 1}}, "cannot be written as JSON"),
        ("\ud800", "cannot be written as JSON"),
        ("x" * 1_048_575, "is 1048577 bytes, the limit is 1048576"),
        ("ü" * 524_288, "is 1048578 bytes, the limit is 1048576"),
    ],
)
def test_a_payload_that_cannot_be_sent_is_refused_before_anything_is(payload: Any, why: str) -> None:
    async def send(event: Any, ctx: DurableContext) -> None:
        with pytest.raises(SerializationError) as refusal:
            ctx.invoke("charge", "payments:live", payload)
        assert str(refusal.value).startswith(f"the payload of invoke 'charge' (function: payments:live) {why}")
        assert refusal.value.operation_name == "charge"

    execution = Execution(send)
    execution.result()
    assert execution.calls == []


def test_the_largest_payload_is_sent() -> None:
    async def send(event: Any, ctx: DurableContext) -> None:
        await ctx.invoke("charge", "payments:live", "x" * 1_048_574)

    Execution(send).suspends()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("charge", ""), "must have 1 to 256 characters, not 0"),
        (("charge", 257 * "x"), "must have 1 to 256 characters, not 257"),
        (("charge", "no name"), "'no name' is no function's name"),
        (("charge", "payments:"), "'payments:' is no function's name"),
        (("charge", "payments\n"), "is no function's name"),
        (("charge", math.floor), "to run a function of this program use ctx.step"),
        (("", "payments"), "the name of invoke() must have 1 to 256 characters"),
        ((math.floor, "payments"), 'ctx.invoke("some-name", …)'),
    ],
)
def test_names_that_cannot_be_right_are_refused_before_anything_is_sent(arguments: tuple[Any, Any], why: str) -> None:
    async def send(event: Any, ctx: DurableContext) -> str:
        with pytest.raises(ValidationError) as refusal:
            ctx.invoke(*arguments)
        return str(refusal.value)

    execution = Execution(send)
    assert why in execution.result()
    assert execution.calls == []


@pytest.mark.parametrize("tenant_id", ["", 257 * "x", "a,b", "ü", "a\n", 5])
def test_a_tenant_id_out_of_bounds_is_refused(tenant_id: Any) -> None:
    async def send(event: Any, ctx: DurableContext) -> None:
        with pytest.raises(ValidationError, match="the tenant_id of invoke"):
            ctx.invoke("charge", "payments:live", tenant_id=tenant_id)

    execution = Execution(send)
    execution.result()
    assert execution.calls == []
