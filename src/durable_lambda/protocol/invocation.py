"""What a function is invoked with, and what it answers."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, cast

import msgspec

from durable_lambda.protocol.operations import ErrorObject, RawOperation

InvocationStatus: TypeAlias = Literal["SUCCEEDED", "FAILED", "PENDING"]


class InitialExecutionState(msgspec.Struct, rename="pascal"):
    """The first page of what is known. It may be empty and still have a next one."""

    operations: list[RawOperation] = []
    next_marker: str | None = None


class InvocationInput(msgspec.Struct, rename="pascal"):
    """The event of a durable invocation.

    The first operation is of type EXECUTION: its id is the last segment of the ARN, its name the execution's, and its
    input the event that the execution was started with.
    """

    durable_execution_arn: str
    checkpoint_token: str
    initial_execution_state: InitialExecutionState
    updated_operation_ids: list[str] | None = None


class InvocationOutput(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The answer. `result` is a string that already is JSON; PENDING has neither result nor error."""

    status: InvocationStatus
    result: str | None = None
    error: ErrorObject | None = None


NOT_DURABLE = (
    "Unexpected payload provided to start the durable execution. Check your resource configurations to confirm the "
    "durability is set."
)


def parse_invocation(event: object) -> InvocationInput:
    """The invocation of an event, its operations still undecoded.

    Raises:
        ValueError: The event is not that of a durable invocation.
    """
    if not isinstance(event, dict):
        raise ValueError(NOT_DURABLE)
    fields = cast("dict[str, Any]", event)
    try:
        state: dict[str, Any] = fields.get("InitialExecutionState") or {}
        return InvocationInput(
            durable_execution_arn=msgspec.convert(fields["DurableExecutionArn"], str),
            checkpoint_token=msgspec.convert(fields["CheckpointToken"], str),
            initial_execution_state=InitialExecutionState(state.get("Operations") or [], state.get("NextMarker")),
            updated_operation_ids=fields.get("UpdatedOperationIds"),
        )
    except (KeyError, AttributeError, msgspec.ValidationError) as error:
        raise ValueError(NOT_DURABLE) from error
