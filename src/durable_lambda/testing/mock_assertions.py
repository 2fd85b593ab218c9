"""Assertions over what a mock context has recorded, with a diff where they fail."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from durable_lambda.testing.mock_script import Recorder


def assert_checkpoint_count(recorder: Recorder, expected: int) -> None:
    """The history of the run has so many checkpoints.

    That is one for each operation that was prepared and that the code has called, since a checkpoint of an earlier
    invocation stored its outcome, and one for each checkpoint that the code has sent itself. `assert_no_checkpoints`
    looks at the latter alone.
    """
    replayed = [f"{each} replayed" for each in recorder.operations if each.is_replayed]
    found = [*replayed, *_sent(recorder)]
    if len(found) != expected:
        raise AssertionError(_told(f"expected {expected} checkpoints, and there were {len(found)}", found))


def assert_no_checkpoints(recorder: Recorder) -> None:
    """The code has sent no checkpoint: all that it called was prepared, and so replayed."""
    if recorder.checkpoints:
        sent = _sent(recorder)
        raise AssertionError(_told(f"expected that no checkpoint is sent, and {len(sent)} were", sent))


def _sent(recorder: Recorder) -> list[str]:
    return [
        ", ".join(f"{update.kind}:{update.name or ''} {update.action}" for update in updates)
        for updates in recorder.checkpoints
    ]


def _told(what: str, checkpoints: Sequence[str]) -> str:
    return "\n".join([f"{what}:", *(f"  {number}. {each}" for number, each in enumerate(checkpoints, 1))])


def assert_operations(recorder: Recorder, expected: Sequence[str]) -> None:
    """The code has called these operations in this order, each as `kind:name`.

    Kinds are `step`, `wait`, `callback`, `wait_for_callback`, `wait_for_condition`, `invoke`, `child_context`, `map`,
    `parallel`, `first`, `timeout` and `with_retry`. Those in child contexts count as well.
    """
    _assert_same("operations", expected, [str(each) for each in recorder.operations])


def assert_operation_names(recorder: Recorder, expected: Sequence[str | None]) -> None:
    """The code has called operations of these names, in this order."""
    _assert_same("operation names", [str(name) for name in expected], [str(each.name) for each in recorder.operations])


def assert_operation_count(recorder: Recorder, expected: int) -> None:
    """The code has called so many operations."""
    if len(recorder.operations) != expected:
        called = "\n".join(f"  {number}. {each}" for number, each in enumerate(recorder.operations, 1))
        raise AssertionError(f"expected {expected} operations, and there were {len(recorder.operations)}:\n{called}")


def _assert_same(what: str, expected: Sequence[str], found: Sequence[str]) -> None:
    if list(expected) == list(found):
        return
    diff = "\n".join(f"  {line.rstrip()}" for line in difflib.ndiff(list(expected), list(found)) if line[0] != "?")
    raise AssertionError(f"the {what} differ (- expected, + called):\n{diff}")
