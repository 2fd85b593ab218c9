"""What a runner does to the invocations that it makes: stubs, virtual time, and replay at every operation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from durable_lambda.arguments import is_async
from durable_lambda.operations.deterministic import NOW
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.runtime.call import Call
from durable_lambda.testing.always_replay import Relay, ReplayingFunction, rest
from durable_lambda.testing.races import refuse_races
from durable_lambda.testing.stubs import Stub

T = TypeVar("T")


class RunnerRehearsal:
    """A `Rehearsal`.

    Args:
        now: the time of the test in epoch milliseconds: `ctx.now()` tells it.
    always_replay: whether functions are replayed at every operation.
    """

    def __init__(self, now: Callable[[], int], *, always_replay: bool) -> None:
        self._now = now
        self.replays_always = always_replay
        self.relays: dict[str, Relay] = {}
        """Of the executions that are replayed at every operation, by ARN."""
        self.stubs: dict[str, Stub] = {}
        """Of steps, by name."""
        self.steps: list[str] = []
        """The names of the steps whose bodies were asked for, in order."""

    def function(self, function: DurableFunction) -> DurableFunction:
        """What is hosted instead of a function."""
        return ReplayingFunction(function, self.relays) if self.replays_always else function

    def body(self, call: Call[Any], fn: Callable[..., Any]) -> Callable[..., Any]:
        if call.sub_type == NOW:
            return lambda: datetime.fromtimestamp(self._now() / 1000, UTC)
        if call.name is None:
            return fn
        self.steps.append(call.name)
        stub = self.stubs.get(call.name)
        return fn if stub is None else stub.in_place_of(fn, is_async=is_async(fn))

    def noticed_key(self, operation_id: str) -> None:
        """It matters to who explores crashes."""

    async def execute(self, call: Call[T], recorded: wire.Operation | None) -> T:
        relay = self.relays.get(call.scope.invocation.arn)
        if relay is None:
            return await call.execute(recorded)
        refuse_races(call)
        try:
            value = await call.execute(recorded)
            refuse_races(call)
        except Exception:
            await rest(call, relay)
            raise
        await rest(call, relay)
        return value
