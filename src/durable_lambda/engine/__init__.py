"""The embedded engine: durable functions on one machine, in one SQLite file, by the service's rules."""

from durable_lambda.engine.clock import Clock, ManualClock, RealClock, SkippingClock
from durable_lambda.engine.engine import Engine
from durable_lambda.engine.errors import EngineClosedError, FileInUseError, StoreError, UnknownExecutionError
from durable_lambda.engine.execution import Execution
from durable_lambda.engine.file_client import FileClient
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.stored import StoredExecution

__all__ = [
    "Clock",
    "Engine",
    "EngineClosedError",
    "Execution",
    "FileClient",
    "FileInUseError",
    "Limits",
    "ManualClock",
    "RealClock",
    "SkippingClock",
    "StoreError",
    "StoredExecution",
    "UnknownExecutionError",
]
