"""Random workflows on the SDK and the engine: crashes and refused writes change neither results nor records."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings

from reliability.accidents import Accidents, Ride
from reliability.verdict import problems_of, shown
from reliability.workflow_strategies import accidents, workflows
from reliability.workflows import Node

EXAMPLES = 120


def ride(nodes: tuple[Node, ...], plan: Accidents) -> Ride:
    with tempfile.TemporaryDirectory() as folder:
        return Ride(nodes, plan, Path(folder)).run()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(workflows(), accidents())
def test_a_workflow_ends_the_same_whatever_accidents_it_meets(nodes: tuple[Node, ...], plan: Accidents) -> None:
    calm, rough = ride(nodes, Accidents()), ride(nodes, plan)
    event(f"{rough.crashes} crashes, {rough.faults} faults")
    assert calm.end.status == "SUCCEEDED"
    assert shown(rough.end) == shown(calm.end)
    assert problems_of(rough) == []
