"""CheckpointDurableExecution and GetDurableExecutionState: what a function asks for while it runs."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from durable_lambda.engine.api.call import Call, ClientToken, malformed
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.api.wire import operation_to_wire
from durable_lambda.protocol.backend import ExecutionState
from durable_lambda.protocol.limits import MIB
from durable_lambda.protocol.updates import OperationUpdate

MAX_BODY: Final = 16 * MIB
"""An execution's result of 6 MiB, once more escaped."""
TOKEN: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class CheckpointRequest(msgspec.Struct, rename="pascal"):
    checkpoint_token: str
    updates: list[OperationUpdate] | None = None
    client_token: ClientToken | None = None


async def checkpoint(gateway: Gateway, call: Call) -> Reply:
    """Store updates; answer with the next token and what has changed."""
    arn = call.execution_arn()
    request = await call.json(CheckpointRequest, MAX_BODY)
    token = _checked_token(request.checkpoint_token)
    answer = await gateway.perform(
        lambda host: host.backend.checkpoint(arn, token, request.updates or [], request.client_token)
    )
    wire: dict[str, Any] = {"NewExecutionState": _state(answer.new_execution_state)}
    if answer.checkpoint_token is not None:
        wire["CheckpointToken"] = answer.checkpoint_token
    return as_json(wire)


async def get_state(gateway: Gateway, call: Call) -> Reply:
    """A page of operations, in the order in which they started."""
    arn, token, marker, most = (
        call.execution_arn(),
        _checked_token(call.text("CheckpointToken")),
        call.text("Marker"),
        call.max_items(),
    )
    page = await gateway.perform(lambda host: host.backend.get_execution_state(arn, token, marker, most))
    return as_json(_state(page))


def _state(page: ExecutionState) -> dict[str, Any]:
    wire: dict[str, Any] = {"Operations": [operation_to_wire(operation) for operation in page.operations]}
    if page.next_marker:
        wire["NextMarker"] = page.next_marker
    return wire


def _checked_token(token: str) -> str:
    if not 1 <= len(token) <= 2048 or TOKEN.fullmatch(token) is None:
        raise malformed("checkpointToken", token, f"satisfy regular expression pattern: {TOKEN.pattern}")
    return token
