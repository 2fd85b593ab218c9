"""What several test modules of the SDK use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drive import Execution
from durable_lambda.loop import InvocationLoop


@pytest.fixture(params=["called", "hosted"])
def execution_of(request: pytest.FixtureRequest) -> Iterator[Callable[..., Execution]]:
    """Makes executions that are called as Lambda calls them, in the calling thread; and such that are hosted on a loop
    as an engine hosts them, with the code of a `def` on other threads."""
    if request.param == "called":
        yield Execution
        return
    loop = InvocationLoop()

    def hosted(fn: Callable[..., Any], event: Any = None, **options: Any) -> Execution:
        return Execution(fn, event, loop=loop, **options)

    yield hosted
    loop.close()
