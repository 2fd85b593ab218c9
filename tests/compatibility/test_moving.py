"""An execution that one SDK has begun is finished by the other, from every point at which it was suspended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compatibility.running import PROGRAMS, Function, Run, run

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

STAYS = {
    "objects": "the official SDK's default reads no plain object",
    "refused_wait_for_callback": "the official SDK does not know our error by its name",
    "expired_wait_for_callback": "the official SDK does not know our error by its name",
    "failed_submitter": "the official SDK does not know our error by its name",
}
"""Programs that the official SDK cannot finish from every point, and why."""


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_official_sdk_has_begun_is_finished_here(
    program: str, sides: dict[str, Function], alone: Callable[[str, str], Run]
) -> None:
    moved_at_every_suspension(program, sides["official"], sides["ours"], alone("official", program))


@pytest.mark.parametrize("program", [program for program in PROGRAMS if program not in STAYS])
def test_what_was_begun_here_is_finished_by_the_official_sdk(
    program: str, sides: dict[str, Function], alone: Callable[[str, str], Run]
) -> None:
    moved_at_every_suspension(program, sides["ours"], sides["official"], alone("ours", program))


@pytest.mark.parametrize("program", STAYS)
def test_what_does_not_move_to_the_official_sdk_comes_to_something_else_there(
    program: str, sides: dict[str, Function], alone: Callable[[str, str], Run]
) -> None:
    whole = alone("ours", program)
    last = whole.invocations - 1
    assert moved(program, sides["ours"], sides["official"], last).result != whole.result


def test_an_execution_may_go_to_and_fro(sides: dict[str, Function], alone: Callable[[str, str], Run]) -> None:
    functions = [sides["official"]("everything"), sides["ours"]("everything")]
    assert_same(run("everything", lambda number: functions[number % 2]), alone("ours", "everything"))


def moved_at_every_suspension(program: str, first: Function, then: Function, whole: Run) -> None:
    for cut in range(1, whole.invocations):
        assert_same(moved(program, first, then, cut), whole)


def moved(program: str, first: Function, then: Function, cut: int) -> Run:
    """The program, its first invocations made by one SDK and all others by the other."""
    before, after = first(program), then(program)
    return run(program, lambda number: before if number < cut else after)


def assert_same(moved: Run, whole: Run) -> None:
    assert (moved.status, moved.result) == (whole.status, whole.result)
    assert moved.identities == whole.identities
    assert moved.invocations == whole.invocations
