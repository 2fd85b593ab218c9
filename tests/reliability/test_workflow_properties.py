"""Random workflows on the SDK and the engine: crashes and refused writes change neither results nor records.

Nothing here waits: the clock is virtual, an accident is a write of the store, and the answers to callbacks come when
somebody sees that they are waited for.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from reliability.accidents import Accidents, Crash
from reliability.blocking_workflows import blocking_workflow_handler
from reliability.verdict import problems_beside, ride
from reliability.workflow_strategies import accidents, workflows
from reliability.workflows import Callback, Child, Gather, Map, Node, Step, Together, Wait, workflow_handler

pytestmark = pytest.mark.timeout(180)
rides = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@rides
@given(workflows(), accidents())
def test_a_workflow_ends_the_same_whatever_accidents_it_meets(nodes: tuple[Node, ...], plan: Accidents) -> None:
    calm, rough = ride(nodes, Accidents()), ride(nodes, plan)
    event(f"{rough.crashes} crashes")
    event(f"{rough.faults} faults")
    assert problems_beside(rough, calm) == []


BLOCKING, IN_TURN = (blocking_workflow_handler,), (blocking_workflow_handler, workflow_handler)


@rides
@given(workflows(tasks=False), accidents(), st.sampled_from([BLOCKING, IN_TURN]))
def test_a_def_handler_ends_the_same_also_where_an_async_one_takes_over(
    nodes: tuple[Node, ...], plan: Accidents, handlers: tuple[Any, ...]
) -> None:
    calm, rough = ride(nodes, Accidents()), ride(nodes, plan, handlers)
    event(f"{rough.crashes} crashes")
    assert problems_beside(rough, calm) == []


EVERY_OPERATION = (
    Step(failures=1),
    Gather(((Step(is_threaded=True), Wait(5)), (Callback("success"), Step(is_doomed=True)))),
    Child((Step(is_at_most_once=True), Callback("timeout", (Step(),)), Child((Wait(60),), fails=True))),
    Together((Step(), Wait(3600), Step(failures=2))),
    Callback("failure"),
    Map(((Step(), Wait(7)), (Step(is_threaded=True),), (Callback("success"),)), max_concurrency=2),
)


def test_a_workflow_of_every_operation_ends_the_same_after_a_crash_at_each_of_its_writes() -> None:
    calm = ride(EVERY_OPERATION, Accidents())
    write = 0
    while True:
        write += 1
        before = ride(EVERY_OPERATION, Accidents((Crash(write, is_stored=False, seconds_dead=60),)))
        after = ride(EVERY_OPERATION, Accidents((Crash(write, is_stored=True, seconds_dead=60),)))
        assert problems_beside(before, calm) == []
        assert problems_beside(after, calm) == []
        if not before.crashes + after.crashes:
            break
    assert write > 25


OF_A_DEF = (
    Step(failures=1),
    Child((Step(is_at_most_once=True), Callback("timeout", (Step(),)), Child((Wait(60),), fails=True))),
    Callback("failure"),
    Map(((Step(), Wait(7)), (Step(is_doomed=True),), (Callback("success"),)), max_concurrency=2),
)


def test_a_def_handler_ends_the_same_after_a_crash_at_each_of_its_writes() -> None:
    calm = ride(OF_A_DEF, Accidents(), BLOCKING)
    assert problems_beside(calm, ride(OF_A_DEF, Accidents())) == []
    write = 0
    while True:
        write += 1
        lives = [
            ride(OF_A_DEF, Accidents((Crash(write, is_stored=is_stored, seconds_dead=60),)), BLOCKING)
            for is_stored in (False, True)
        ]
        assert [problems_beside(life, calm) for life in lives] == [[], []]
        if not any(life.crashes for life in lives):
            break
    assert write > 20


def test_a_workflow_of_every_operation_ends_the_same_after_a_refusal_of_each_of_its_writes() -> None:
    calm = ride(EVERY_OPERATION, Accidents())
    write = 0
    while True:
        write += 1
        rough = ride(EVERY_OPERATION, Accidents(faults=frozenset({write})))
        assert problems_beside(rough, calm) == []
        if not rough.faults:
            break
    assert write > 25


def test_callbacks_one_after_another_that_are_answered_at_once_are_all_read() -> None:
    """An answer that came as the invocation suspended made it end for nothing; three in a row failed the execution."""
    for _ in range(25):
        assert ride([Callback("success")] * 4, Accidents()).end.status == "SUCCEEDED"
