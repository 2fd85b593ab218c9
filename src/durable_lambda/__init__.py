"""Durable functions: ordinary Python functions whose progress survives crashes, deploys and waits of up to a year.

These are the public names. Each is loaded when it is first asked for, so that a cold start pays for what it uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_lambda.batch import BatchItem as BatchItem
    from durable_lambda.batch import BatchResult as BatchResult
    from durable_lambda.client import CallbackClient as CallbackClient
    from durable_lambda.completion import BatchProgress as BatchProgress
    from durable_lambda.completion import Completion as Completion
    from durable_lambda.context import DurableContext as DurableContext
    from durable_lambda.errors import BackendError as BackendError
    from durable_lambda.errors import BatchError as BatchError
    from durable_lambda.errors import CallbackError as CallbackError
    from durable_lambda.errors import CallbackExternalError as CallbackExternalError
    from durable_lambda.errors import CallbackSubmitterError as CallbackSubmitterError
    from durable_lambda.errors import CallbackTimeoutError as CallbackTimeoutError
    from durable_lambda.errors import CheckpointError as CheckpointError
    from durable_lambda.errors import ChildContextError as ChildContextError
    from durable_lambda.errors import CompensationError as CompensationError
    from durable_lambda.errors import DeserializationError as DeserializationError
    from durable_lambda.errors import DurableError as DurableError
    from durable_lambda.errors import ExecutionAlreadyStartedError as ExecutionAlreadyStartedError
    from durable_lambda.errors import ExecutionError as ExecutionError
    from durable_lambda.errors import ExecutionFailedError as ExecutionFailedError
    from durable_lambda.errors import ExecutionPausedError as ExecutionPausedError
    from durable_lambda.errors import ExecutionStoppedError as ExecutionStoppedError
    from durable_lambda.errors import ExecutionTimedOutError as ExecutionTimedOutError
    from durable_lambda.errors import InvokeError as InvokeError
    from durable_lambda.errors import InvokeStoppedError as InvokeStoppedError
    from durable_lambda.errors import InvokeTimeoutError as InvokeTimeoutError
    from durable_lambda.errors import NonDeterministicExecutionError as NonDeterministicExecutionError
    from durable_lambda.errors import OperationError as OperationError
    from durable_lambda.errors import SerializationError as SerializationError
    from durable_lambda.errors import StepError as StepError
    from durable_lambda.errors import StepInterruptedError as StepInterruptedError
    from durable_lambda.errors import StepTimeoutError as StepTimeoutError
    from durable_lambda.errors import Suspended as Suspended
    from durable_lambda.errors import ValidationError as ValidationError
    from durable_lambda.errors import WaitForConditionError as WaitForConditionError
    from durable_lambda.handler import Handler as Handler
    from durable_lambda.handler import durable_execution as durable_execution
    from durable_lambda.operations.callback import CallbackHandle as CallbackHandle
    from durable_lambda.operations.saga import CompensationItem as CompensationItem
    from durable_lambda.operations.saga import CompensationResult as CompensationResult
    from durable_lambda.operations.saga import Saga as Saga
    from durable_lambda.operations.step import StepAttempt as StepAttempt
    from durable_lambda.operations.step import current_step as current_step
    from durable_lambda.operations.sync_saga import SyncSaga as SyncSaga
    from durable_lambda.protocol.backend import DurableBackend as DurableBackend
    from durable_lambda.retry import Poll as Poll
    from durable_lambda.retry import Retry as Retry
    from durable_lambda.runtime.hooks import Hooks as Hooks
    from durable_lambda.runtime.hooks import InvocationEnd as InvocationEnd
    from durable_lambda.runtime.hooks import InvocationStart as InvocationStart
    from durable_lambda.runtime.hooks import OperationChange as OperationChange
    from durable_lambda.runtime.hooks import OperationEnd as OperationEnd
    from durable_lambda.runtime.hooks import OperationStart as OperationStart
    from durable_lambda.runtime.hooks import UserFunctionEnd as UserFunctionEnd
    from durable_lambda.runtime.hooks import UserFunctionStart as UserFunctionStart
    from durable_lambda.runtime.json_formatter import JsonFormatter as JsonFormatter
    from durable_lambda.runtime.logging import ExecutionFields as ExecutionFields
    from durable_lambda.runtime.operation import Operation as Operation
    from durable_lambda.runtime.tracing import OpenTelemetryHooks as OpenTelemetryHooks
    from durable_lambda.serving import serve_lambda as serve_lambda
    from durable_lambda.styles import DurableHandler as DurableHandler
    from durable_lambda.styles import HandlerBuilder as HandlerBuilder
    from durable_lambda.sync_context import SyncDurableContext as SyncDurableContext
    from durable_lambda.values import Codec as Codec

_HOMES = {
    "batch": ("BatchItem", "BatchResult"),
    "client": ("CallbackClient",),
    "completion": ("BatchProgress", "Completion"),
    "context": ("DurableContext",),
    "errors": (
        "BackendError",
        "BatchError",
        "CallbackError",
        "CallbackExternalError",
        "CallbackSubmitterError",
        "CallbackTimeoutError",
        "CheckpointError",
        "ChildContextError",
        "CompensationError",
        "DeserializationError",
        "DurableError",
        "ExecutionAlreadyStartedError",
        "ExecutionError",
        "ExecutionFailedError",
        "ExecutionPausedError",
        "ExecutionStoppedError",
        "ExecutionTimedOutError",
        "InvokeError",
        "InvokeStoppedError",
        "InvokeTimeoutError",
        "NonDeterministicExecutionError",
        "OperationError",
        "SerializationError",
        "StepError",
        "StepInterruptedError",
        "StepTimeoutError",
        "Suspended",
        "ValidationError",
        "WaitForConditionError",
    ),
    "handler": ("Handler", "durable_execution"),
    "operations.callback": ("CallbackHandle",),
    "operations.saga": ("CompensationItem", "CompensationResult", "Saga"),
    "operations.step": ("StepAttempt", "current_step"),
    "operations.sync_saga": ("SyncSaga",),
    "protocol.backend": ("DurableBackend",),
    "retry": ("Poll", "Retry"),
    "runtime.hooks": (
        "Hooks",
        "InvocationEnd",
        "InvocationStart",
        "OperationChange",
        "OperationEnd",
        "OperationStart",
        "UserFunctionEnd",
        "UserFunctionStart",
    ),
    "runtime.json_formatter": ("JsonFormatter",),
    "runtime.logging": ("ExecutionFields",),
    "runtime.operation": ("Operation",),
    "styles": ("DurableHandler", "HandlerBuilder"),
    "sync_context": ("SyncDurableContext",),
    "runtime.tracing": ("OpenTelemetryHooks",),
    "serving": ("serve_lambda",),
    "values": ("Codec",),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
