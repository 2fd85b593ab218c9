"""What an SDK sends: one update an operation, with the options that its type takes."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from durable_lambda.protocol.operations import ErrorObject, OperationType

OperationAction: TypeAlias = Literal["START", "SUCCEED", "FAIL", "RETRY", "CANCEL"]


class ContextOptions(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    replay_children: bool


class StepOptions(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    next_attempt_delay_seconds: int


class WaitOptions(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    wait_seconds: int


class CallbackOptions(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """Seconds; 0 switches a timer off."""

    timeout_seconds: int = 0
    heartbeat_timeout_seconds: int = 0


class ChainedInvokeOptions(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    function_name: str
    tenant_id: str | None = None
    x_amzn_trace_id: str | None = None


class OperationUpdate(msgspec.Struct, frozen=True, gc=False, rename="pascal", omit_defaults=True):
    """One change of one operation. An update of an operation that exists may omit name, parent and sub type."""

    id: str
    type: OperationType
    action: OperationAction
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    payload: str | None = None
    error: ErrorObject | None = None
    context_options: ContextOptions | None = None
    step_options: StepOptions | None = None
    wait_options: WaitOptions | None = None
    callback_options: CallbackOptions | None = None
    chained_invoke_options: ChainedInvokeOptions | None = None
