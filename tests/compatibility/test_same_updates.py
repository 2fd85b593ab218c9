"""The same program with either SDK: the same operations, and the same updates for each of them.

What differs is in `DIFFERENCES`, and told in `docs/compatibility.md`; a difference that is gone fails too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from compatibility.running import PROGRAMS, Run
from compatibility.updates import NULL, TAGS, TEXT, WRAPPED, differences, shapes

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

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
