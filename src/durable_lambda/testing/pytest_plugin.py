"""The pytest plugin `durable_lambda`: fixtures, a marker, and what a test that failed shows.

That is the operations of its runs, and its own code without this package's (which `--full-trace` shows too).

pytest imports it in every project that has this package installed, so it imports nothing of it until a test asks.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from durable_lambda.testing.settings import SETTINGS

if TYPE_CHECKING:
    from durable_lambda.engine import Engine
    from durable_lambda.testing.runner import DurableTestRunner

_RUNS = "durable_lambda.testing.run"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "durable(always_replay=True): suspend and replay durable functions at every operation in this test",
    )


@pytest.fixture
def durable_runner() -> type[DurableTestRunner]:
    """`DurableTestRunner`: `run = durable_runner(handler).run(event)`."""
    from durable_lambda.testing.runner import DurableTestRunner  # late: see above

    return DurableTestRunner


@pytest.fixture
def durable_engine() -> Generator[Engine]:
    """An `Engine` in memory, on a clock that skips waits; closed when the test ends."""
    from durable_lambda.engine import Engine, SkippingClock  # late: see above

    with Engine(":memory:", clock=SkippingClock()) as engine:
        yield engine


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("durable")
    SETTINGS.always_replay = None if marker is None else _always_replay(item, marker)
    if _RUNS in sys.modules:
        sys.modules[_RUNS].RECENT.clear()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    SETTINGS.always_replay = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if call.excinfo is not None:
        _hide_the_package()
    report = yield
    if report.when == "call" and report.failed and _RUNS in sys.modules:
        runs: list[Any] = list(sys.modules[_RUNS].RECENT)
        for number, run in enumerate(runs, 1):
            title = "durable operations" if len(runs) == 1 else f"durable operations of run {number}"
            raised_at = run.error.stack_trace if run.error is not None else None
            report.sections.append((title, "\n".join([run.tree(), *(raised_at or [])])))
    return report


def _hide_the_package() -> None:
    """Let pytest leave out the package's own frames, as it does where a module says so."""
    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] == "durable_lambda":
            module.__dict__["__tracebackhide__"] = _is_told_to_the_test


def _is_told_to_the_test(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether it tells of the test or of its function, so that the lines that raised it help nobody."""
    error = raised.type
    return error in (AssertionError, LookupError) or error.__module__.partition(".")[0] == "durable_lambda"


def _always_replay(item: pytest.Item, marker: pytest.Mark) -> bool | None:
    unknown = set(marker.kwargs) - {"always_replay"}
    if marker.args or unknown:
        told = f"{item.nodeid}: the marker is durable(always_replay=True), not {marker.args or sorted(unknown)}"
        pytest.fail(told, pytrace=False)
    return marker.kwargs.get("always_replay")
