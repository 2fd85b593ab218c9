"""What `step` and `wait_for_condition` have in common: they are STEP operations, attempts with delays between."""

from __future__ import annotations

from typing import Any, TypeVar

from durable_lambda.operations.body import Body
from durable_lambda.protocol import operations as wire
from durable_lambda.runtime.call import Call

T = TypeVar("T")


class Attempted(Call[T]):
    """A STEP operation."""

    __slots__ = ()

    type = "STEP"

    async def run_body(self, body: Body) -> Any:
        """Run the body of an attempt, wherever bodies run."""
        return await body.run(self.scope, self.server or self.scope.server)

    async def until_ready(self, state: wire.Operation | None) -> wire.Operation:
        """Wait until the next attempt is due: the service says so, and not that something else woke the execution."""
        while state is None or state.status != "READY":
            due = state.step_details.next_attempt_timestamp if state is not None and state.step_details else None
            state = await self.change(self.suspended(": its next attempt is scheduled"), due)
        return state

    async def next_state(self, state: wire.Operation | None) -> wire.Operation | None:
        """The state in which an attempt may begin; `None` for the first one of all."""
        if state is not None and state.status == "PENDING":
            return await self.until_ready(state)
        return state

    async def after_retry(self) -> wire.Operation | None:
        """The state after a RETRY was stored."""
        state = self.scope.journal.state(self.id)
        if state is None or state.status == "STARTED":  # the answer did not tell what became of it
            return await self.until_ready(state)
        return state


def attempts_ended(state: wire.Operation | None) -> int:
    """How many attempts are over."""
    return state.step_details.attempt if state is not None and state.step_details is not None else 0
