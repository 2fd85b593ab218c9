"""Random programs under the kit: the runner, replay at every operation, histories of any length, a crash anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from batch_programs import Leaf, Run, cut_in_branch, expected, programs, programs_with_cuts
from durable_lambda import DurableContext, durable_execution
from durable_lambda.testing import CrashReport, DurableRun, DurableTestRunner, explore_crashes, replay


def leaves_of(program: Any, path: str = "p") -> Iterator[tuple[str, str]]:
    """Kind and path of each leaf."""
    if isinstance(program, Leaf):
        yield program.kind, path
        return
    for number, part in enumerate(program.parts):
        yield from leaves_of(part, f"{path}.{number}")


class Program:
    """A program as a durable function; each run of it begins with a world of its own."""

    def __init__(self, program: Any, seed: int) -> None:
        self.answers = {path: path for _, path in leaves_of(program)}
        self._seed = seed
        self.ran = Run(seed)

        @durable_execution
        async def handler(event: None, ctx: DurableContext) -> Any:
            return await self.ran.run(program, ctx)

        self.handler = handler

    def reset(self) -> None:
        self.ran = Run(self._seed)

    def run(self, *, always_replay: bool = False) -> DurableRun:
        self.reset()
        run = DurableTestRunner(self.handler, always_replay=always_replay).start()
        while names := run.open_callbacks:
            for name in names:
                run.send_callback_success(name, self.answers[name])
            run.run()
        return run


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(programs, programs_with_cuts, cut_in_branch), st.integers(0, 2**32))
def test_a_program_ends_with_its_result_and_the_same_when_it_is_replayed_at_every_operation(
    program: Any, seed: int
) -> None:
    function = Program(program, seed)
    plain = function.run()
    assert plain.result == expected(program)

    replayed = function.run(always_replay=True)
    assert replayed.result == expected(program)
    assert not [
        event for event in replayed.history if event.event_type == "InvocationCompleted" and event.details.error
    ]  # type: ignore[union-attr]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(programs, programs_with_cuts, cut_in_branch), st.integers(0, 2**32), st.data())
def test_a_history_of_any_length_replays(program: Any, seed: int, data: st.DataObject) -> None:
    function = Program(program, seed)
    history = function.run().history
    function.reset()
    length = data.draw(st.integers(1, len(history)))

    for events in (history, history[:length]):
        report = replay(function.handler, events)
        assert report.ok, str(report)
    assert not function.ran.runs, "a body ran"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs, st.integers(0, 2**32), st.integers(1, 40))
def test_a_crash_at_any_moment_makes_no_difference(program: Any, seed: int, moment: int) -> None:
    assume(all(kind != "retried" for kind, _ in leaves_of(program)))  # it asks the process whether it was tried before
    function = Program(program, seed)

    def explore(**options: Any) -> CrashReport:
        return explore_crashes(
            function.handler, answer=function.answers, setup=function.reset, seed=seed % 7, **options
        )

    moments = explore(orders=1, seconds=0).moments
    explore(moment=1 + moment % moments, orders=2)
