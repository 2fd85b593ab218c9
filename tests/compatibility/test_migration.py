"""The code in `docs/migration.md`: each operation as the official SDK has it, and as it is written here.

A block that begins with `# before.py` is the official side, every `# after.py` that follows it is ours. Both are run on
an engine, as the same module, and come to the same by the same updates.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from benchmarks.environments import ROOT, clean_environment, prepare, python_of

from compatibility.running import Function, Run, run
from compatibility.updates import differences, shapes
from durable_lambda.protocol.hosting import DurableFunction

PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
MODULE = "app"  # as the worker names it; errors are stored with it
AT_ONCE = {"The handler", "Branches side by side", "Errors", "Values", "Logging"}
"""Sections whose functions are invoked once, and so are never suspended."""
ORDER = {"id": "order-1", "skus": ["tea", "mug"], "amount": 40}

pytestmark = pytest.mark.timeout(180)  # the first test makes the environments


class Pair(NamedTuple):
    section: str
    before: str
    after: str


def blocks() -> Iterator[tuple[str, str, str]]:
    """The section, the name and the code of each block that is a file."""
    for title, section in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL):
        for name, code in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            yield title, name, code


def pairs() -> list[Pair]:
    found: list[Pair] = []
    before = ""
    for section, name, code in blocks():
        if name == "before.py":
            before = code
        elif name == "after.py":
            found.append(Pair(section, before, code))
    return found


every_pair = pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.section)
suspended_pairs = pytest.mark.parametrize(
    "pair", [each for each in pairs() if each.section not in AT_ONCE], ids=lambda pair: pair.section
)


@pytest.fixture
def functions(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: dict[str, Function]
) -> tuple[DurableFunction, DurableFunction]:
    """The official function, and ours."""
    before = tmp_path / "before.py"
    before.write_text(pair.before, encoding="utf-8")
    after = ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, after)
    exec(compile(pair.after, "after.py", "exec"), vars(after))
    return sides["official"](str(before)), after.handler


@every_pair
def test_both_sides_come_to_the_same_by_the_same_updates(functions: tuple[DurableFunction, DurableFunction]) -> None:
    theirs, ours = (completed(function) for function in functions)
    assert (ours.result, ours.invocations) == (theirs.result, theirs.invocations)
    assert shapes(ours) == shapes(theirs)
    assert differences(ours, theirs) == set()


@suspended_pairs
def test_what_the_official_side_has_begun_is_finished_by_ours(
    functions: tuple[DurableFunction, DurableFunction],
) -> None:
    official, ours = functions
    whole = completed(official)
    assert whole.invocations > 1
    for cut in range(1, whole.invocations):
        moved = completed(official, ours, cut)
        assert moved.result == whole.result
        assert moved.identities == whole.identities


def test_the_test_for_the_official_runner_passes(tmp_path: Path) -> None:
    prepare("official_runner", print)
    for section, name, code in blocks():
        if section == "Tests":
            (tmp_path / name).write_text(code, encoding="utf-8")
    done = subprocess.run(
        [python_of("official_runner"), "-c", "from test_before import test_it_is_paid as test; test()"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_official_block_has_ours_beside_it() -> None:
    named = [name for _, name, _ in blocks()]
    assert len(named) > 20
    for name, follower in pairwise(named):
        if "before" in name:
            assert follower == name.replace("before", "after")


def completed(first: DurableFunction, then: DurableFunction | None = None, cut: int = 0) -> Run:
    """Run an execution; its first `cut` invocations are made by `first`, all others by `then`."""
    made = run("page", lambda number: then if then and number >= cut else first, event=ORDER)
    assert made.status == "SUCCEEDED", made.result
    return made
