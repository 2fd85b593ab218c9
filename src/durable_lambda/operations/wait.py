"""`wait`: let time pass. The service keeps the time; nothing runs and nothing is paid for meanwhile."""

from __future__ import annotations

import asyncio

from durable_lambda.arguments import Duration, check_name, whole_seconds
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.limits import MAX_WAIT_SECONDS, MIN_WAIT_SECONDS
from durable_lambda.protocol.updates import WaitOptions
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope


class Wait(Call[None]):
    """A timer of the service."""

    __slots__ = ("_seconds", "duration")

    type = "WAIT"
    sub_type = "Wait"
    verb = "wait"
    kind = "wait"

    def __init__(self, scope: Scope, name: str | None, duration: Duration) -> None:
        super().__init__(scope, name)
        self.duration = duration

    def prepare(self) -> None:
        check_name(self.name, "wait")
        self._seconds = whole_seconds(
            self.duration, "the duration of wait()", minimum=MIN_WAIT_SECONDS, maximum=MAX_WAIT_SECONDS
        )

    def replay(self, recorded: wire.Operation) -> Operation[None] | None:
        return Operation(None) if recorded.status == "SUCCEEDED" else None

    async def execute(self, recorded: wire.Operation | None) -> None:
        self.watch(recorded)
        state = recorded
        try:
            if state is None:
                await self.store(self.update("START", wait_options=WaitOptions(self._seconds)))
                state = self.scope.journal.state(self.id)
            while state is None or not state.is_terminal:
                details = state.wait_details if state is not None else None
                state = await self.change(self.suspended(), details.scheduled_end_timestamp if details else None)
        except asyncio.CancelledError:
            self.record_cancellation(self.update("CANCEL"))
            raise
        if state.status != "SUCCEEDED":
            raise asyncio.CancelledError(f"{self.label} was cancelled")
