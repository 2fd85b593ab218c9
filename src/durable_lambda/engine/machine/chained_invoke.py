"""CHAINED_INVOKE: another function's execution as an operation. Not hosted yet; refused in words that say so."""

from __future__ import annotations

from durable_lambda.engine.machine.batch import Batch, refuse
from durable_lambda.protocol.operations import Operation
from durable_lambda.protocol.updates import OperationUpdate


def decide(update: OperationUpdate, operation: Operation | None, batch: Batch) -> None:
    """Refuse: this engine starts no other function for an operation."""
    raise refuse("CHAINED_INVOKE is not supported by this engine.")
