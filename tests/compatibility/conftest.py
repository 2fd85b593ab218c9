"""The official SDK's process, and every program run to its end by one SDK alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import pytest
from benchmarks.environments import prepare

from compatibility.peer import OfficialFunction, OfficialSdk
from compatibility.running import Function, Run, run, with_ours


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Function]]:
    """Both SDKs by name."""
    prepare("official", print)
    with OfficialSdk(tmp_path_factory.mktemp("official") / "stderr.log") as sdk:
        yield {"ours": with_ours, "official": partial(OfficialFunction, sdk)}


@pytest.fixture(scope="session")
def alone(sides: dict[str, Function]) -> Callable[[str, str], Run]:
    """`alone(side, program)`: what comes of a program with that SDK alone. Each is run once."""

    @cache
    def run_alone(side: str, program: str) -> Run:
        function = sides[side](program)
        return run(program, lambda _: function)

    return run_alone
