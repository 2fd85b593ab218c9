"""The same program with either SDK: the same operations, and the same updates for each of them.

What differs is in `DIFFERENCES`, and told in `docs/compatibility.md`; a difference that is gone fails too.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from compatibility.running import PROGRAMS, Run

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

TAGS = "plain JSON here, tags there"
NULL = "no payload here, null there"
WRAPPED = "the error itself here, a wrapper there"
TEXT = "another class name and text for an error of the SDK's own"

DIFFERENCES = {
    "objects": {("order", TAGS), ("orders", TAGS)},
    "dates": {("when", TAGS), ("price", TAGS)},
    "invoke_of_nothing": {("price", NULL)},
    "refused_wait_for_callback": {("approval", TEXT)},
    "expired_wait_for_callback": {("approval", TEXT)},
    "failed_submitter": {("approval", TEXT)},
    "exhausted_condition": {("ready", TEXT)},
    "child_of_a_failed_step": {("child", WRAPPED)},
}

ONLY_OURS = {"ErrorData", "StackTrace", "totalCount", "itemStatuses"}
"""Members that are written here beside theirs: of an error, and of a batch."""


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_come_to_the_same_by_the_same_updates(program: str, alone: Callable[[str, str], Run]) -> None:
    ours, theirs = alone("ours", program), alone("official", program)
    assert (ours.status, ours.result, ours.invocations) == (theirs.status, theirs.result, theirs.invocations)
    assert shapes(ours) == shapes(theirs)
    assert differences(ours, theirs) == DIFFERENCES.get(program, set())


def test_each_operation_has_the_same_identity_and_status_in_the_end(alone: Callable[[str, str], Run]) -> None:
    for program in PROGRAMS:
        assert alone("ours", program).identities == alone("official", program).identities, program


def test_both_files_have_the_same_programs_in_the_same_order() -> None:
    source = Path(__file__).with_name("official.py").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert [each.name for each in functions if [arg.arg for arg in each.args.args] == ["event", "ctx"]] == PROGRAMS


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
