"""`always_replay`: every operation suspends the function when it is done, and the function replays up to it.

It is the cheapest proof that a function is deterministic: whatever it does between two operations happens again and
again, and has to lead to the same operations. The engine sees one invocation, so the history is what it always is: the
function is invoked anew in the middle of it, with the token of its last checkpoint and all that is known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from durable_lambda.errors import Suspended
from durable_lambda.operations.concurrent import Branch
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse, DurableBackend, ExecutionState, WatchableBackend
from durable_lambda.protocol.hosting import DurableFunction, LambdaContext
from durable_lambda.protocol.invocation import InitialExecutionState, InvocationInput, InvocationOutput
from durable_lambda.protocol.limits import MAX_PAGE_SIZE
from durable_lambda.protocol.operations import decode_operation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.call import Call


class ReplayingFunction:
    """A durable function that is invoked again whenever an operation of it is done."""

    def __init__(self, function: DurableFunction, relays: dict[str, Relay]) -> None:
        self._function = function
        self._relays = relays
        self.name = function.name

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        """One invocation of the engine's, in as many pieces as there are operations."""
        if not isinstance(backend, WatchableBackend):
            raise TypeError("replay at every operation is for functions in the engine's process")
        relay = Relay(backend, invocation.checkpoint_token)
        self._relays[invocation.durable_execution_arn] = relay
        while True:
            output = await self._function.invoke(invocation, relay, lambda_context)
            if output.status != "PENDING" or not relay.has_rested:
                return output
            relay.done.clear()
            relay.has_rested = False
            invocation = await relay.invocation(invocation.durable_execution_arn)


async def rest(call: Call[Any], relay: Relay) -> None:
    """If the operation was done in this invocation: leave it to be replayed, and never return."""
    if call.id not in relay.done or call.scope.is_ended:
        return
    relay.has_rested = True
    suspended = Suspended(
        f"{call.label} is done and is replayed", code="ALWAYS_REPLAY", operation_name=call.name, operation_id=call.id
    )
    if isinstance(call, Branch):
        call.operation.awaiters += 1  # its batch waits for it, in a way of its own
    await call.change(suspended)  # there will be none: it is over


class Relay:
    """The engine's backend, whose tokens it keeps: an invocation that is begun anew goes on with the last one."""

    def __init__(self, backend: WatchableBackend, token: str) -> None:
        self._backend = backend
        self._token = token
        self.done: set[str] = set()
        """Operations whose outcome is known since the function was invoked last."""
        self.has_rested = False
        """Whether one of them waits to be replayed."""

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        response = await self._backend.checkpoint(arn, self._token, updates, client_token)
        self._token = response.checkpoint_token or self._token
        for raw in response.new_execution_state.operations:
            operation = decode_operation(raw)
            if operation.is_terminal or operation.type == "CALLBACK":
                self.done.add(operation.id)
        return response

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        return await self._backend.get_execution_state(arn, self._token, marker, max_items)

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        return self._backend.watch(arn, on_change)

    async def invocation(self, arn: str) -> InvocationInput:
        """The next invocation: all that is known now."""
        operations: list[wire.RawOperation] = []
        marker: Any = ""
        while marker is not None:
            page = await self.get_execution_state(arn, self._token, marker, MAX_PAGE_SIZE)
            operations += page.operations
            marker = page.next_marker or None
        return InvocationInput(arn, self._token, InitialExecutionState(operations))
