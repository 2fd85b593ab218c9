"""What two runs have sent, held against each other: the shapes of the updates, and what they carry."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from compatibility.running import Run

TAGS = "plain JSON here, tags there"
NULL = "no payload here, null there"
WRAPPED = "the error itself here, a wrapper there"
TEXT = "another class name and text for an error of the SDK's own"

ONLY_OURS = {"ErrorData", "StackTrace", "totalCount", "itemStatuses"}
"""Members that are written here beside theirs: of an error, and of a batch."""


def wire(run: Run) -> dict[str, list[dict[str, Any]]]:
    """The updates of each operation, in the order in which they were sent."""
    sent: dict[str, list[dict[str, Any]]] = {}
    for update in run.updates:
        members = msgspec.to_builtins(update)
        if members.get("ContextOptions") == {"ReplayChildren": False}:
            del members["ContextOptions"]  # the same as none
        if members["Type"] == "EXECUTION":
            members["Id"] = "ignored by the service"
        sent.setdefault(members["Id"], []).append(members)
    return sent


def shapes(run: Run) -> dict[str, list[dict[str, Any]]]:
    """The same without payloads and errors."""
    return {
        id_: [{key: value for key, value in update.items() if key not in ("Payload", "Error")} for update in updates]
        for id_, updates in wire(run).items()
    }


def differences(ours: Run, theirs: Run) -> set[tuple[str, str]]:
    """Operations whose payloads or errors differ, and how."""
    found: set[tuple[str, str]] = set()
    for id_, updates in wire(ours).items():
        for our, their in zip(updates, wire(theirs)[id_], strict=True):
            if not is_same(_decoded(our.get("Payload")), _decoded(their.get("Payload"))):
                found.add((our["Name"], TAGS if "Payload" in our else NULL))
            if not is_same(our.get("Error"), their.get("Error")):
                found.add(
                    (our["Name"], WRAPPED if our["Error"]["ErrorMessage"] == their["Error"]["ErrorMessage"] else TEXT)
                )
    return found


def is_same(ours: Any, theirs: Any) -> bool:
    """Whether ours says what theirs says, and beside it only what is known to be ours alone."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return theirs.keys() <= ours.keys() <= theirs.keys() | ONLY_OURS and all(
            is_same(ours[key], value) for key, value in theirs.items()
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(is_same(*pair) for pair in zip(ours, theirs, strict=True))
    return type(ours) is type(theirs) and ours == theirs


def _decoded(payload: str | None) -> Any:
    return json.loads(payload) if payload else repr(payload)
