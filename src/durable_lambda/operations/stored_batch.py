"""The result of a batch as its CONTEXT stores it, with the service's member names."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_lambda.batch import ItemStatus
from durable_lambda.completion import CompletionReason
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.values import Codec, JsonCodec

LETTER_OF: Final[dict[ItemStatus, str]] = {"SUCCEEDED": "S", "FAILED": "F", "STARTED": "-"}
NULL: Final = msgspec.Raw(b"null")


class StoredItem(msgspec.Struct):
    """A branch in the result of its batch, with the service's member names."""

    index: int
    status: ItemStatus
    result: msgspec.Raw = NULL
    error: ErrorObject | None = None


class StoredBatch(msgspec.Struct, rename={"completion_reason": "completionReason"}):
    all: list[StoredItem]
    completion_reason: CompletionReason


class Summary(msgspec.Struct, rename="camel"):
    """What is stored of a batch whose result is too large: a replay takes the results from the branches."""

    type: str
    total_count: int
    success_count: int
    failure_count: int
    started_count: int
    completion_reason: CompletionReason
    status: str
    item_statuses: str = ""
    """One letter a branch: S, F, or - for one that was not done."""


def embedded(codec: Codec[Any], payload: str) -> msgspec.Raw:
    """The result of a branch inside that of its batch: JSON as it is, the text of any other codec as a string."""
    return msgspec.Raw(payload if isinstance(codec, JsonCodec) else msgspec.json.encode(payload))


def unembedded(codec: Codec[Any], stored: msgspec.Raw) -> str:
    """The result of a branch as its own CONTEXT has it."""
    return bytes(stored).decode() if isinstance(codec, JsonCodec) else msgspec.json.decode(stored, type=str)
