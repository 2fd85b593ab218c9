"""The result of a batch as its CONTEXT stores it: with the official Python SDK's members and tags, so that each reads
what the other stored. Branches that were not begun are left out of it, and counted beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from durable_lambda.batch import BatchItem, ItemStatus
from durable_lambda.completion import CompletionReason
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.tagged import BATCH, plain, tagged
from durable_lambda.values import Codec, JsonCodec

NULL: Final = msgspec.Raw(b"null")
_LETTER_OF: Final[dict[ItemStatus, str]] = {"SUCCEEDED": "S", "FAILED": "F", "STARTED": "-"}


class StoredItem(msgspec.Struct):
    """A branch in the result of its batch."""

    index: int
    status: ItemStatus
    result: msgspec.Raw = NULL
    error: ErrorObject | None = None


class StoredBatch(msgspec.Struct, rename="camel", omit_defaults=True):
    all: list[StoredItem]
    """The branches that were begun."""
    completion_reason: CompletionReason
    total_count: int | None = None
    """Of all branches. The official SDK does not tell it, and does not mind it."""

    def encode(self) -> str:
        """The payload."""
        members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        value = {key: tagged(each) for key, each in members.items()}
        return msgspec.json.encode({"t": BATCH, "v": value}).decode()

    def might_have(self, count: int) -> bool:
        """Whether a batch of so many branches can have stored this."""
        if self.total_count is not None:
            return self.total_count == count
        return len(self.all) == count or (len(self.all) < count and self.completion_reason != "ALL_COMPLETED")


def decode_batch(payload: str | None) -> StoredBatch:
    """A stored result, with tags or without. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(plain(payload or ""), type=StoredBatch)


class Summary(msgspec.Struct, rename="camel", omit_defaults=True):
    """What is stored of a batch whose result is too large: a replay takes the results from the branches."""

    type: str
    total_count: int
    """Of the branches that were begun."""
    completion_reason: CompletionReason
    success_count: int
    failure_count: int
    started_count: int
    status: str
    started_indexes: list[int] | None = None
    completed_indexes: list[int] | None = None
    """Of the branches begun, those that were not done or those that were, whichever are fewer."""
    item_statuses: str = ""
    """One letter for each of all branches: S, F, or - for one that was not done. The official SDK has none."""

    def might_have(self, count: int) -> bool:
        """Whether a batch of so many branches can have stored this."""
        if self.item_statuses:
            return len(self.item_statuses) == count
        return self.total_count == count or (self.total_count < count and self.completion_reason != "ALL_COMPLETED")

    def was_done(self, index: int) -> bool | None:
        """Whether a branch was; `None` where the summary does not say."""
        if self.item_statuses:
            return self.item_statuses[index] != "-"
        if index >= self.total_count:
            return False
        if self.started_indexes is not None:
            return index not in self.started_indexes
        return None if self.completed_indexes is None else index in self.completed_indexes


def summarise(kind: str, items: Sequence[BatchItem[Any]], begun: int, reason: CompletionReason, status: str) -> Summary:
    """The summary of a batch of which the first `begun` branches were begun."""
    done = [item.index for item in items if item.status != "STARTED"]
    undone = [item.index for item in items[:begun] if item.status == "STARTED"]
    return Summary(
        kind,
        begun,
        reason,
        sum(item.status == "SUCCEEDED" for item in items),
        sum(item.status == "FAILED" for item in items),
        len(undone),
        status,
        undone if len(undone) <= len(done) else None,
        None if len(undone) <= len(done) else done,
        "".join(_LETTER_OF[item.status] for item in items),
    )


def embedded(codec: Codec[Any], payload: str) -> msgspec.Raw:
    """The result of a branch inside that of its batch: JSON as it is, the text of any other codec as a string."""
    return msgspec.Raw(plain(payload) if isinstance(codec, JsonCodec) else msgspec.json.encode(payload))


def unembedded(codec: Codec[Any], stored: msgspec.Raw) -> str:
    """The result of a branch as its own CONTEXT has it."""
    return bytes(stored).decode() if isinstance(codec, JsonCodec) else msgspec.json.decode(stored, type=str)
