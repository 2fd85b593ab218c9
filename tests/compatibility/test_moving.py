"""An execution that one SDK has begun is finished by the other: from every point at which it was suspended, and from
every point at which the first one's process may have died."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compatibility.running import PROGRAMS, Death, Function, Run, run

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

STAYS = {
    "objects": "SerDesError",  # its default reads no plain object
    "dates": "AttributeError",  # its default reads a date's text as a text
    "refused_wait_for_callback": "ChildContextError",  # it does not know our error by its name
    "expired_wait_for_callback": "ChildContextError",
    "failed_submitter": "ChildContextError",
}
"""Programs that the official SDK cannot finish as they were begun here, and the error that it has instead."""

DYING = [
    "everything",
    "retried_step",
    "wait_for_callback",
    "condition",
    "invoke",
    "retried_block",
    "large_map",
    "child",
]


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


@pytest.mark.parametrize(("program", "error"), STAYS.items())
def test_what_does_not_move_to_the_official_sdk_is_an_error_there(
    program: str, error: str, sides: dict[str, Function], alone: Callable[[str, str], Run]
) -> None:
    last = alone("ours", program).invocations - 1
    result = moved(program, sides["ours"], sides["official"], last).result
    assert (result if isinstance(result, str) else result["type"]).endswith(error)


def test_an_execution_may_go_to_and_fro(sides: dict[str, Function], alone: Callable[[str, str], Run]) -> None:
    functions = [sides["official"]("everything"), sides["ours"]("everything")]
    assert_same(run("everything", lambda number: functions[number % 2]), alone("ours", "everything"))


@pytest.mark.parametrize("program", DYING)
@pytest.mark.parametrize(("first", "then"), [("official", "ours"), ("ours", "official")])
def test_what_a_dead_process_has_begun_is_finished_by_the_other_sdk(
    program: str, first: str, then: str, sides: dict[str, Function], alone: Callable[[str, str], Run]
) -> None:
    whole = alone(first, program)
    for after in range(100):
        death = Death(after)
        moved = died_and_moved(program, sides[first], sides[then], death)
        assert (moved.status, moved.result) == (whole.status, whole.result), f"dead after {after} checkpoints"
        assert moved.identities == whole.identities
        if not death.has_come:  # it sends no more than that
            break
    assert 1 < after < 99


@pytest.mark.parametrize(
    ("first", "then", "result"),
    [("official", "ours", "durable_lambda.errors.StepInterruptedError"), ("ours", "official", "paid")],
)
def test_an_interrupted_at_most_once_step_is_told_here_and_tried_again_there(
    first: str, then: str, result: str, sides: dict[str, Function]
) -> None:
    moved = died_and_moved("at_most_once", sides[first], sides[then], Death(1))
    assert (moved.result if isinstance(moved.result, str) else moved.result["type"]) == result


def died_and_moved(program: str, first: Function, then: Function, death: Death) -> Run:
    before, after = first(program), then(program)
    return run(program, lambda _: after if death.has_come else before, death)


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
