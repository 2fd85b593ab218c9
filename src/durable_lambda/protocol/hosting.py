"""How a host (the embedded engine) runs a durable function that lives in its own process.

A function brings its code, the host brings an event loop of `durable_lambda.loop`, a backend and the invocation.
Neither knows the other's types.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput


@runtime_checkable
class LambdaContext(Protocol):
    """The part of Lambda's context object that this package reads."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int: ...


class InvocationInterrupted(Exception):  # noqa: N818  # an ending, as CancelledError is
    """The function's code raised `SystemExit` or `KeyboardInterrupt`, which is the cause of this error.

    It has no answer, then, as when its process had ended: its host invokes again.
    """

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        """What an error object says of it."""


@runtime_checkable
class DurableFunction(Protocol):
    """A function that a host can invoke."""

    @property
    def name(self) -> str:
        """What it is called when its host is told no other name."""
        ...

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        """Run one invocation on the running loop, which must be a `durable_lambda.loop.InvocationLoop`.

        What is raised is an error of the invocation, not of the execution: the host invokes again.
        """
        ...
