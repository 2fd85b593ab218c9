"""An engine in memory on a clock that is set by hand."""

from __future__ import annotations

import pytest

from durable_lambda.engine import Engine, ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def engine(clock):
    with Engine(":memory:", clock=clock) as engine:
        yield engine
