"""Invoke: starts an execution of a durable function, or attaches to one, or calls a function that is not durable."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, Final

import msgspec

from durable_lambda.engine.api.call import Call, malformed
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import InvalidRequestContentException, Reply, RequestTooLargeException
from durable_lambda.engine.api.wire import arn_of
from durable_lambda.engine.host import Host
from durable_lambda.engine.invoker import Outcome
from durable_lambda.engine.machine.chained_invoke import EXECUTED_VERSION
from durable_lambda.engine.machine.identity import NAME
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.machine.targets import resolve
from durable_lambda.engine.requests import start_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.errors import ExecutionAlreadyStartedError
from durable_lambda.protocol.errors import (
    DurableExecutionAlreadyStartedException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.limits import MAX_EXECUTION_PAYLOAD
from durable_lambda.protocol.operations import ErrorObject

TYPES: Final = ("RequestResponse", "Event", "DryRun")


async def invoke(gateway: Gateway, call: Call) -> Reply:
    """Run a function: to its end (`RequestResponse`), or from now on (`Event`)."""
    name = call.path["FunctionName"]
    if call.text("Qualifier"):
        name = f"{name}:{call.text('Qualifier')}"
    kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
    if kind not in TYPES:
        raise malformed("invocationType", kind, f"satisfy enum value set: [{', '.join(TYPES)}]")
    execution_name = call.headers.get("x-amz-durable-execution-name")
    if execution_name is not None and NAME.fullmatch(execution_name) is None:
        raise malformed("durableExecutionName", execution_name, f"satisfy regular expression pattern: {NAME.pattern}")
    payload = await _payload(call)
    function, is_durable = await gateway.peek(lambda host: _target(host, name))
    if kind == "DryRun":
        return Reply(204, headers=_headers())
    if kind == "Event":
        limit = await gateway.peek(lambda host: host.limits.event_payload)
        if payload is not None and len(payload.encode()) > limit:
            raise RequestTooLargeException(
                f"{len(payload.encode())} byte payload is too large for the Event invocation type (limit {limit} bytes)"
            )
    if not is_durable:
        return await _call(gateway, function, payload, call.headers.get("x-amz-tenant-id"), is_event=kind == "Event")
    try:
        row = await gateway.ask(lambda host: start_execution(host, function, payload, execution_name))
    except ExecutionAlreadyStartedError as error:
        raise DurableExecutionAlreadyStartedException(str(error)) from None
    if kind == "Event":
        return Reply(202, headers=_headers(row))
    return _result(row, await call.while_connected(gateway.end(row)))  # it goes on even if the client hangs up


async def _payload(call: Call) -> str | None:
    body = await call.body(MAX_EXECUTION_PAYLOAD)
    if not body:
        return None
    try:
        text = body.decode()
        msgspec.json.decode(text)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidRequestContentException(f"Could not parse request body into json: {error}") from None
    return text


def _target(host: Host, name: str) -> tuple[str, bool]:
    """The hosted function that a name means, and whether it is durable."""
    function = resolve(name, host.targets)
    if isinstance(function, str):
        return function, function in host.functions
    if function.error_type == ResourceNotFoundException.code:
        raise ResourceNotFoundException(function.error_message or "Function not found")
    raise InvalidParameterValueException(function.error_message or "")


async def _call(
    gateway: Gateway, function: str, payload: str | None, tenant_id: str | None, *, is_event: bool
) -> Reply:
    """Call a function that is not durable: now, or as soon as the event is stored."""
    if is_event:
        await gateway.ask(lambda host: host.events.put(function, payload, tenant_id))
        return Reply(202, headers=_headers())
    answer: Future[Outcome] = Future()

    def begin(host: Host) -> None:
        host.invoker.call(host.plain[function], payload, tenant_id, answer.set_result)

    await gateway.peek(begin)
    outcome = await asyncio.wrap_future(answer)
    if isinstance(outcome, ErrorObject):
        return _failure(outcome, _headers())
    return Reply(body=(outcome.result or "").encode(), headers=_headers())


def _result(row: ExecutionRow, end: ExecutionEnded) -> Reply:
    if end.status == "SUCCEEDED":
        return Reply(body=(end.result or "").encode(), headers=_headers(row))
    error = end.error
    if error is None and end.status == "TIMED_OUT":
        error = ErrorObject("DurableExecution.TimedOut", "The execution did not end within its ExecutionTimeout.")
    return _failure(error or ErrorObject(), _headers(row))


def _failure(error: ErrorObject, headers: dict[str, str]) -> Reply:
    wire: dict[str, Any] = {"errorMessage": error.error_message or "", "errorType": error.error_type or "Error"}
    if error.stack_trace:
        wire["stackTrace"] = error.stack_trace
    if error.error_data is not None:
        wire["errorData"] = error.error_data
    headers["x-amz-function-error"] = "Unhandled"
    return Reply(body=msgspec.json.encode(wire), headers=headers)


def _headers(row: ExecutionRow | None = None) -> dict[str, str]:
    headers = {"x-amz-executed-version": EXECUTED_VERSION}
    if row is not None:
        headers["x-amz-durable-execution-arn"] = arn_of(row)
    return headers
