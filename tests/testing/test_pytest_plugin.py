"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ["-p", "durable_lambda.testing.pytest_plugin"]
if any(plugin.name == "durable_lambda" for plugin in entry_points(group="pytest11")):
    PLUGIN = []  # it is installed

SUITE = """
import pytest
from durable_lambda import DurableContext, durable_execution

times = []

async def three() -> int:
    return 3

@durable_execution
async def handler(event: int, ctx: DurableContext) -> int:
    times.append(1)
    return await ctx.step("three", three)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester):
    def run(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(SUITE + tests)
        return pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", *arguments)

    return run


def test_the_runner_is_a_fixture(suite) -> None:
    result = suite("def test_it(durable_runner):\n    assert durable_runner(handler).run(1).result == 3\n")

    result.assert_outcomes(passed=1)


def test_the_engine_is_a_fixture(suite) -> None:
    result = suite(
        "def test_it(durable_engine):\n"
        "    durable_engine.register(handler)\n"
        "    assert durable_engine.start('handler', 1).result(timeout=10) == 3\n"
    )

    result.assert_outcomes(passed=1)


def test_the_marker_replays_at_every_operation_in_that_test_alone(suite) -> None:
    result = suite(
        "@pytest.mark.durable(always_replay=True)\n"
        "def test_marked(durable_runner):\n"
        "    times.clear(); durable_runner(handler).run(1); assert len(times) == 3\n"
        "def test_plain(durable_runner):\n"
        "    times.clear(); durable_runner(handler).run(1); assert len(times) == 1\n",
        "--strict-markers",
    )

    result.assert_outcomes(passed=2)


def test_a_marker_that_is_misspelt_is_refused(suite) -> None:
    result = suite("@pytest.mark.durable(allways_replay=True)\ndef test_it():\n    pass\n")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the marker is durable(always_replay=True), not *'allways_replay'*"])


def test_a_test_that_fails_shows_the_operations_of_its_runs(suite) -> None:
    result = suite(
        "def test_before(durable_runner):\n    durable_runner(handler).run(1)\n"
        "def test_it(durable_runner):\n    assert durable_runner(handler).run(1).result == 4\n"
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*- durable operations -*", "*succeeded*", "*three*step*succeeded*"])
    assert result.stdout.str().count("durable operations") == 1


def test_a_test_that_fails_shows_the_whole_error_of_its_runs_and_where_it_was_raised(suite) -> None:
    result = suite(
        "async def reserve(sku):\n    raise LookupError('none left of ' + sku + ' in the warehouse' + '!' * 80)\n"
        "@durable_execution\n"
        "async def orders(event, ctx):\n"
        "    return await ctx.step('reserve', reserve, 'tea', retry=0, result_type=str)\n"
        "def test_it(durable_runner):\n    assert durable_runner(orders).run(1).status == 'SUCCEEDED'\n"
    )

    result.assert_outcomes(failed=1)
    text = result.stdout.str().partition("durable operations")[2]
    assert "LookupError: none left of tea in the warehouse" + "!" * 80 in text
    assert ", in reserve\n" in text


def test_a_test_that_fails_shows_a_difference_on_replay_in_full(suite) -> None:
    result = suite(
        "@durable_execution\n"
        "async def counts(event, ctx):\n"
        "    times.append(1)\n"
        "    await ctx.step(f'number {len(times)}', three)\n"
        "@pytest.mark.durable(always_replay=True)\n"
        "def test_it(durable_runner):\n    assert durable_runner(counts).run(1).status == 'SUCCEEDED'\n"
    )

    result.stdout.fnmatch_lines(
        ["*- durable operations -*", "*recorded: STEP 'number 1'*", "*current:  STEP 'number 2'*", "*called at *"]
    )


MOCKED = (
    "import asyncio\n"
    "from durable_lambda.testing import MockDurableContext\n"
    "def test_it():\n"
    "    ctx, _ = MockDurableContext().with_wait('pause').build()\n"
    "    asyncio.run(handler.fn(1, ctx))\n"
)


def test_a_test_that_fails_shows_its_own_code_and_not_the_packages(suite) -> None:
    result = suite(MOCKED)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*asyncio.run(handler.fn(1, ctx))", '*ctx.step("three", three)', "E *MockMismatchError: *"]
    )
    result.stdout.no_fnmatch_line("*testing/mock_*.py:*")
    assert "mock_script.py" in suite(MOCKED, "--full-trace").stdout.str()


@pytest.mark.parametrize(("plugin", "module"), [("asyncio", "pytest_asyncio"), ("anyio", "anyio")])
def test_async_tests_use_the_runner_both_ways(suite, plugin: str, module: str) -> None:
    pytest.importorskip(module)
    result = suite(
        f"@pytest.mark.{plugin}\n"
        "async def test_it(durable_runner):\n"
        "    assert durable_runner(handler).run(1).result == 3\n"
        "    assert (await durable_runner(handler).arun(1)).result == 3\n",
        "-k",
        "not trio",
    )

    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 1


def test_pytest_starts_without_loading_the_package() -> None:
    code = "import sys, durable_lambda.testing.pytest_plugin; print([m for m in sys.modules if m[:7] == 'durable'])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert sorted(loaded.strip("[]'\n").split("', '")) == [
        "durable_lambda",
        "durable_lambda.testing",
        "durable_lambda.testing.pytest_plugin",
        "durable_lambda.testing.settings",
    ]
