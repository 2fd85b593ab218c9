"""A round of random workflows with accidents, as the job of a process: what the soak runs of the property."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from reliability.accidents import Accidents, StuckError
from reliability.verdict import problems_beside, ride
from reliability.workflow_strategies import accidents, workflows
from reliability.workflows import Node


def main(job: dict[str, Any]) -> None:
    """Ride so many workflows; write the figures, and what went wrong with which of them."""
    logging.disable(logging.CRITICAL)  # engines that meet with accidents say so
    figures: Counter[str] = Counter()
    problems: list[tuple[str, str]] = []

    @settings(
        max_examples=job["workflows"],
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @seed(job["seed"])
    @given(workflows(), accidents())
    def round_(nodes: tuple[Node, ...], plan: Accidents) -> None:
        try:
            calm, rough = ride(nodes, Accidents()), ride(nodes, plan)
        except StuckError as error:
            problems.append(("stuck", f"{error}: {nodes}, {plan}"))
            return
        figures.update(workflows=1, crashes=rough.crashes, faults=rough.faults)
        problems.extend((kind, f"{what}: {nodes}, {plan}") for kind, what in problems_beside(rough, calm))

    round_()
    Path(job["report"]).write_text(json.dumps({"figures": figures, "problems": problems}))
