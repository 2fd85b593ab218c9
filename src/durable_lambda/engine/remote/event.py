"""The event of a durable invocation, and its answer, as a function in another process has them."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_lambda.engine.errors import FunctionError
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject

_ANSWER = msgspec.json.Decoder(InvocationOutput)


def encode_event(event: InvocationInput) -> bytes:
    """The event as JSON; moments are epoch milliseconds."""
    state = event.initial_execution_state
    wire: dict[str, Any] = {
        "DurableExecutionArn": event.durable_execution_arn,
        "CheckpointToken": event.checkpoint_token,
        "InitialExecutionState": {"Operations": state.operations, "NextMarker": state.next_marker or ""},
        "UpdatedOperationIds": event.updated_operation_ids or [],
    }
    return msgspec.json.encode(wire)


def decode_answer(body: bytes) -> InvocationOutput:
    """What a function has answered.

    An answer that is none ends the execution, as on the service: it comes back as a failure of that kind.
    """
    try:
        return _ANSWER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = ErrorObject(InvalidParameterValueException.code, "Invalid Status in invocation output.")
        return InvocationOutput("FAILED", error=error)


class _LambdaError(msgspec.Struct, rename="camel"):
    """An error as the Lambda Runtime tells it; clients differ in what they put into the stack."""

    error_message: str | None = None
    error_type: str | None = None
    stack_trace: list[Any] | None = None


def function_error(body: bytes) -> FunctionError:
    """The error of Lambda's own form, `{errorMessage, errorType, stackTrace}`."""
    try:
        told = msgspec.json.decode(body, type=_LambdaError)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return FunctionError(ErrorObject("Unhandled", body[:1000].decode("utf-8", "replace")))
    stack = [line if isinstance(line, str) else msgspec.json.encode(line).decode() for line in told.stack_trace or ()]
    return FunctionError(ErrorObject(told.error_type or "Unhandled", told.error_message or "", None, stack or None))
