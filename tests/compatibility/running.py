"""Runs a program to its end on an engine in memory, with each invocation made by the one SDK or the other."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from compatibility import ours
from durable_lambda import ExecutionFailedError, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.protocol.backend import CheckpointResponse, DurableBackend, ExecutionState
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.hosting import DurableFunction, LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import Operation, decode_operation
from durable_lambda.protocol.updates import OperationUpdate

EVENT = {"given": "by the caller"}

PROGRAMS = [
    name
    for name, member in vars(ours).items()
    if inspect.iscoroutinefunction(member) and list(inspect.signature(member).parameters) == ["event", "ctx"]
]
REFUSED = {"refused_callback", "refused_wait_for_callback"}
"""Programs whose callback is answered with a failure."""
UNANSWERED = {"expired_callback", "expired_wait_for_callback"}
"""Programs whose callback nobody answers."""

Function = Callable[[str], DurableFunction]
"""An SDK: what makes its function of a program's name."""


@dataclass
class Run:
    """What came of an execution."""

    status: str
    result: Any
    updates: list[OperationUpdate]
    operations: Sequence[Operation]
    invocations: int

    @property
    def identities(self) -> dict[str, tuple[Any, ...]]:
        """What each operation is, and what became of it."""
        return {each.id: (each.type, each.sub_type, each.name, each.parent_id, each.status) for each in self.operations}


def with_ours(program: str) -> DurableFunction:
    """The program with this package."""
    return durable_execution(ours.then_wait(getattr(ours, program)))


class ProcessDiedError(ServiceError):
    """A checkpoint that did not arrive."""


@dataclass
class Death:
    """The process that makes the first invocations dies when it has sent so many checkpoints."""

    after: int
    has_come: bool = False

    def strike(self) -> None:
        """Another checkpoint is on its way."""
        if not self.has_come and self.after == 0:
            self.has_come = True
            raise ProcessDiedError("the process has died")
        self.after -= 1


def run(program: str, turn: Callable[[int], DurableFunction], death: Death | None = None, event: Any = EVENT) -> Run:
    """Run an execution to its end; `turn(n)` makes its n-th invocation, from 0."""
    clock = SkippingClock()
    with Engine(clock=clock) as engine:

        async def answer(callback_id: str) -> None:
            if program in UNANSWERED:
                clock.advance(100_000)
            elif program in REFUSED:
                await engine.asend_callback_failure(callback_id, "no way")
            else:
                await engine.asend_callback_success(callback_id, "yes")

        relay = Relay(turn, answer, death)
        engine.register(relay)
        engine.register(lambda event, context: {"price": 3, "of": event}, name="prices")
        engine.register(_refuses, name="refuses")
        execution = engine.start(relay.name, event)
        try:
            result = execution.result(timeout=30)
        except ExecutionFailedError as error:
            result = {"type": error.error_type, "message": error.error_message}
        operations = [operation for operation in execution.operations() if operation.type != "EXECUTION"]
        return Run(execution.status, result, relay.updates, operations, relay.invocations)


def _refuses(event: Any, context: Any) -> Any:
    raise LookupError(f"no {event}")


class Relay:
    """A `DurableFunction` whose invocations are made by others. Callbacks are answered when an invocation suspends."""

    name = "program"

    def __init__(
        self,
        turn: Callable[[int], DurableFunction],
        answer: Callable[[str], Awaitable[None]],
        death: Death | None,
    ) -> None:
        self._turn = turn
        self._answer = answer
        self._death = death
        self.invocations = 0
        self.updates: list[OperationUpdate] = []
        self._unanswered: list[str] = []

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        function = self._turn(self.invocations)
        self.invocations += 1
        recording = _Recording(backend, self.updates, self._unanswered, self._death)
        output = await function.invoke(invocation, recording, lambda_context)
        while output.status == "PENDING" and self._unanswered:
            await self._answer(self._unanswered.pop())
        return output


class _Recording:
    """A backend that notes what it is sent, and which callbacks it made."""

    def __init__(
        self, backend: DurableBackend, updates: list[OperationUpdate], callback_ids: list[str], death: Death | None
    ) -> None:
        self._backend = backend
        self._callback_ids = callback_ids
        self._death = death
        self._updates = updates

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        if self._death is not None:
            self._death.strike()
        self._updates += updates
        answer = await self._backend.checkpoint(arn, checkpoint_token, updates, client_token)
        for operation in map(decode_operation, answer.new_execution_state.operations):
            details = operation.callback_details
            if details is not None and details.callback_id and operation.status == "STARTED":
                self._callback_ids.append(details.callback_id)
        return answer

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        return await self._backend.get_execution_state(arn, checkpoint_token, marker, max_items)
