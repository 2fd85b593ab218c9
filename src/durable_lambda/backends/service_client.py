"""The official test runner as a backend: in a test it calls a handler with its own client in the event.

Its client is the one of the official SDK, blocking and in that SDK's types, which are at hand since the event is one of
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import ServiceError, service_error
from durable_lambda.protocol.updates import OperationUpdate


class ServiceClientBackend:
    """Asks the client that an event of the official test runner carries."""

    def __init__(self, client: Any) -> None:
        from aws_durable_execution_sdk_python.lambda_service import (  # late: the runner's own  # pyright: ignore
            OperationUpdate as OfficialUpdate,  # pyright: ignore[reportUnknownVariableType]
        )

        self._client = client
        self._update: Final[Callable[[Any], Any]] = OfficialUpdate.from_dict  # pyright: ignore[reportUnknownMemberType]

    async def checkpoint(
        self,
        arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None = None,
    ) -> CheckpointResponse:
        official = [self._update(msgspec.to_builtins(update)) for update in updates]
        answer = await _ask(self._client.checkpoint, arn, checkpoint_token, official, client_token)
        return CheckpointResponse(answer.checkpoint_token, _state(answer.new_execution_state))

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        return _state(await _ask(self._client.get_execution_state, arn, checkpoint_token, marker, max_items))


def _state(answer: Any) -> ExecutionState:
    return ExecutionState([operation.to_dict() for operation in answer.operations], answer.next_marker)


async def _ask(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the client answers. Its errors are those of the service, under the same names."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except Exception as error:
        status = getattr(error, "http_status_code", None)
        if not isinstance(status, int):
            raise ServiceError(f"{type(error).__name__}: {error}") from error
        raise service_error(type(error).__name__, status, str(error)) from error
