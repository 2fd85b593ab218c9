"""The two calls of the service, for functions in this process: no JSON, no copy, and changes are pushed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.machine.batch import refuse
from durable_lambda.engine.machine.checkpoint import (
    answer_checkpoint,
    check_token,
    decide_checkpoint,
    repeated_answer,
)
from durable_lambda.engine.machine.due import decide_due
from durable_lambda.engine.machine.pages import state_page
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import INVALID_CHECKPOINT_TOKEN, ServiceError
from durable_lambda.protocol.updates import OperationUpdate

if TYPE_CHECKING:
    from durable_lambda.engine.host import Host
    from durable_lambda.engine.hosted import Hosted


class InProcessBackend:
    """A `WatchableBackend` and a `LimitedBackend`. To be used on the engine's loop."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def operation_limit(self) -> int:
        """Operations in one execution."""
        return self._host.limits.operations

    async def checkpoint(
        self,
        arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None = None,
    ) -> CheckpointResponse:
        """Store all updates or none, durably, before this returns.

        Raises `InvalidParameterValueException` for what the service refuses, and `ServiceError` when the store fails:
        then nothing is stored, and the token is good for another try.
        """
        host = self._host
        hosted = self._hosted(arn)
        if hosted.is_recovered:
            await host.invokes.wait_for_targets(hosted, updates)
        state = hosted.state
        answer = repeated_answer(state, checkpoint_token, client_token)
        if answer is None:
            now = host.clock.now()
            due = decide_due(state, now)
            if due:
                host.commit.change(hosted, due)
                if not state.is_running:
                    raise refuse(INVALID_CHECKPOINT_TOKEN)
            accepted = decide_checkpoint(state, updates, host.limits, now, host.targets)
            if accepted.changes:
                host.commit.change(hosted, accepted.changes)
                for child in accepted.children:
                    host.invokes.begin(child, hosted)
            answer = answer_checkpoint(state, accepted.updated, checkpoint_token, client_token)
        if hosted.is_dirty:
            await self._stored()
        return answer

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        """A page of operations; the token is not spent. Raises `InvalidParameterValueException`."""
        hosted = self._hosted(arn)
        check_token(hosted.state, checkpoint_token)
        if hosted.is_dirty:
            await self._stored()  # what is told is stored
        return state_page(hosted.state, marker, max_items, self._host.limits.page_bytes)

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` when an operation of the execution changed outside a checkpoint. Returns what ends it."""
        hosted = self._hosted(arn)
        hosted.watchers.append(on_change)

        def unwatch() -> None:
            if on_change in hosted.watchers:
                hosted.watchers.remove(on_change)

        return unwatch

    async def _stored(self) -> None:
        try:
            await self._host.commit.wait()
        except StoreError as error:
            raise ServiceError(f"The state could not be stored: {error}") from error

    def _hosted(self, arn: str) -> Hosted:
        hosted = self._host.live.get(arn.rpartition("/")[2])
        if hosted is None or hosted.state.arn != arn:
            raise refuse(INVALID_CHECKPOINT_TOKEN)
        return hosted
