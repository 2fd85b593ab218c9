"""Random programs of batches and the like end with their result, whatever their timing and whatever crashes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_programs import cut_in_branch, expected, programs, programs_with_cuts, programs_with_races, to_the_end


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs, st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.2]))
def test_a_program_ends_with_its_result(program: Any, seed: int, crashes: float) -> None:
    ran, execution, envelope = to_the_end(program, seed, crashes)
    assert envelope == {"Status": "SUCCEEDED", "Result": expected(program)}
    if not crashes:
        assert max(ran.runs.values(), default=1) <= 2, "a completed body ran again; twice in a block that is retried"
    undone = {path for path in ran.runs if path.endswith(" undone")}
    booked = {path for path in ran.runs if path.endswith((" one", " two"))}
    assert undone == {f"{path} undone" for path in booked}

    finished = dict(execution.backend.operations)
    assert execution.run() == envelope, "a replay of everything is the same"
    assert execution.calls == []
    assert execution.backend.operations == finished
    assert all(each.is_terminal for each in finished.values() if each.name not in ("timeout", "timer"))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs_with_races, st.integers(0, 2**32), st.sampled_from([0.0, 0.2]))
def test_a_program_with_races_tells_the_same_on_every_replay(program: Any, seed: int, crashes: float) -> None:
    _, execution, envelope = to_the_end(program, seed, crashes)
    assert envelope["Status"] == "SUCCEEDED", envelope
    before, raced, after = envelope["Result"]
    assert (before, after) == (expected(program.parts[0], "p.0"), expected(program.parts[2], "p.2"))
    for number, (status, result) in enumerate(raced):
        wanted = expected(program.parts[1].parts[number], f"p.1.{number}")
        assert (status, result) in (("SUCCEEDED", wanted), ("STARTED", None))
    assert "SUCCEEDED" in [status for status, _ in raced]
    assert execution.run() == envelope, "a replay of everything is the same"
    assert execution.calls == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(programs_with_cuts, cut_in_branch), st.integers(0, 2**32), st.sampled_from([0.0, 0.2]))
def test_a_program_with_parts_that_are_cut_off_ends_with_its_result(program: Any, seed: int, crashes: float) -> None:
    _, execution, envelope = to_the_end(program, seed, crashes)
    assert envelope == {"Status": "SUCCEEDED", "Result": expected(program)}
    assert execution.run() == envelope, "a replay of everything is the same"
    assert execution.calls == []


@settings(max_examples=40, deadline=None)
@given(programs, st.integers(0, 2**32), st.integers(0, 2**32))
def test_ids_do_not_depend_on_timing(program: Any, seed: int, other_seed: int) -> None:
    ids = []
    for each in (seed, other_seed):
        _, execution, _ = to_the_end(program, each, 0.0, keeps_all=True)
        ids.append({(op.id, op.name, op.type, op.parent_id) for op in execution.backend.operations.values()})
    assert ids[0] == ids[1]
