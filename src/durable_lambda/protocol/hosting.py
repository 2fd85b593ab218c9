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
