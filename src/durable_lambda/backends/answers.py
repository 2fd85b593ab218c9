"""From an HTTP answer of the service to what it says: a struct of the protocol, or one of the service's errors.

Operations stay the dicts that they arrive as. Only their times are looked at: an API answer counts seconds, and one
that happens to be whole may come as an integer, which elsewhere on the wire is a count of milliseconds.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import msgspec

from durable_lambda.backends.messages import Answer
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import ServiceError, service_error

S = TypeVar("S")

_SHOWN: Final = 300
"""Characters that are shown of an answer that is no answer of the service: a proxy's page, say."""


class _Page(msgspec.Struct, rename="pascal"):
    operations: list[dict[str, Any]] = []
    next_marker: str | None = None


class _Checkpoint(msgspec.Struct, rename="pascal"):
    checkpoint_token: str | None = None
    new_execution_state: _Page = msgspec.field(default_factory=_Page)


_checkpoint = msgspec.json.Decoder(_Checkpoint)
_page = msgspec.json.Decoder(_Page)


def read_checkpoint(answer: Answer) -> CheckpointResponse:
    """The answer to a checkpoint. Raises `ServiceError`."""
    read = _read(answer, _checkpoint)
    return CheckpointResponse(read.checkpoint_token, _state(read.new_execution_state))


def read_state(answer: Answer) -> ExecutionState:
    """A page of operations. Raises `ServiceError`."""
    return _state(_read(answer, _page))


def _read(answer: Answer, decoder: msgspec.json.Decoder[S]) -> S:
    if not 200 <= answer.status < 300:
        raise _error(answer)
    try:
        return decoder.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # Cut off or not from the service: to ask again with the same client token is safe.
        raise ServiceError(f"the answer cannot be read ({error}): {_shown(answer.body)}") from error


def _state(page: _Page) -> ExecutionState:
    for operation in page.operations:
        _count_seconds(operation)
    return ExecutionState(cast("list[Any]", page.operations), page.next_marker)


def _count_seconds(operation: dict[str, Any]) -> None:
    for fields, key in (
        (operation, "StartTimestamp"),
        (operation, "EndTimestamp"),
        (operation.get("StepDetails"), "NextAttemptTimestamp"),
        (operation.get("WaitDetails"), "ScheduledEndTimestamp"),
    ):
        if isinstance(fields, dict) and isinstance(moment := cast("dict[str, Any]", fields).get(key), int):
            fields[key] = float(moment)


def _error(answer: Answer) -> ServiceError:
    body: Any
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = None
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    code = answer.headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code") or "UnknownError"
    message = fields.get("message") or fields.get("Message") or _shown(answer.body)
    # Either may come with a namespace before or an address after the name.
    return service_error(str(code).partition(":")[0].rpartition("#")[2], answer.status, str(message))


def _shown(body: bytes) -> str:
    text = body[: 4 * _SHOWN].decode("utf-8", "replace")[:_SHOWN]
    return text or "no body"
