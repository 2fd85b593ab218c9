"""`explore_crashes` over the examples: wherever the process dies, the next one comes to the same end."""

from __future__ import annotations

from typing import Final

import pytest

from durable_lambda.testing import DurableTestRunner, explore_crashes
from example_runs import EVERY_EXAMPLE, ExampleRun, Load

INTERRUPTED: Final = {"at_most_once"}
"""What may come to something else, because that is what the example is about."""

NOT_EXPLORED: Final = {
    "fan_out": "it has hundreds of moments that are alike",
    "order_processing": "the tests of `explore_crashes` do, and measure how long it takes",
    "observability": "chance gives its result",
}

EXPLORED = [example for example in EVERY_EXAMPLE if str(example) not in NOT_EXPLORED]


@pytest.mark.parametrize("example", EXPLORED, ids=str)
def test_no_crash_makes_a_difference(example: ExampleRun, load: Load) -> None:
    runner = DurableTestRunner()
    for function in example.functions(load(example.path)):
        runner.register(function)
    names = runner.start(example.event).open_callbacks

    report = explore_crashes(runner, example.event, answer=dict.fromkeys(names, example.answer))
    assert report.is_complete
    assert report.moments >= 4
    assert bool(report.interrupted) == (str(example) in INTERRUPTED)
