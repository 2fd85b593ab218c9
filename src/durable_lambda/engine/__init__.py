"""The embedded engine: durable functions on one machine, in one SQLite file, by the service's rules."""

from durable_lambda.engine.clock import Clock, ManualClock, RealClock, SkippingClock
from durable_lambda.engine.engine import Engine
from durable_lambda.engine.errors import EngineClosedError, StoreError, UnknownExecutionError
from durable_lambda.engine.execution import Execution
from durable_lambda.engine.machine.limits import Limits

__all__ = [
    "Clock",
    "Engine",
    "EngineClosedError",
    "Execution",
    "Limits",
    "ManualClock",
    "RealClock",
    "SkippingClock",
    "StoreError",
    "UnknownExecutionError",
]
