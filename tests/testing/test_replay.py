"""Recorded histories against changed code."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from durable_lambda import CallbackError, DurableContext, DurableHandler, Retry, ValidationError, durable_execution
from durable_lambda.testing import DurableTestRunner, ReplayDifferenceError, replay

ran: list[str] = []


async def body(name: str) -> str:
    ran.append(name)
    return name


def body_on_a_thread(name: str) -> str:
    ran.append(name)
    return name


async def branch(name: str, ctx: DurableContext) -> str:
    return await ctx.step(name, body, name)


async def large(ctx: DurableContext) -> list[str]:
    return [await ctx.step("chunk", body, "x" * 1000)] * 300


@durable_execution(name="order")
async def order(event: str, ctx: DurableContext) -> list[Any]:
    first = await ctx.step("first", body, event)
    both = await asyncio.gather(branch("left", ctx), branch("right", ctx))
    mapped = await ctx.map("map", ["a", "b"], branch)
    size = len(await ctx.run_in_child_context("large", large))
    handle = await ctx.create_callback("approval")
    await ctx.step("ask", body_on_a_thread, "ask")
    try:
        answer = await ctx.callback_result(handle, str)
    except CallbackError as error:
        answer = error.error_message
    await ctx.wait("pause", 60)
    condition = await ctx.wait_for_condition(
        "ready", lambda state: state + 1, initial_state=0, until=lambda state: state >= 2
    )
    return [first, both, mapped.results(), size, answer, condition, ctx.uuid().hex]


@pytest.fixture
def waiting():
    return DurableTestRunner(order).run("event")


@pytest.fixture
def ended(waiting):
    waiting.send_callback_success("approval", "yes")
    return waiting.run()


def changed(change):
    """The order function with something else after its first step."""

    @durable_execution(name="order")
    async def order_as_it_is_now(event: str, ctx: DurableContext) -> Any:
        first = await ctx.step("first", body, event)
        return await change(first, ctx)

    return order_as_it_is_now


def test_unchanged_code_replays_an_ended_execution_without_running_a_body(ended) -> None:
    ran.clear()
    report = replay(order, ended.history)

    assert report.ok, str(report)
    assert (report.status, report.goes_on_with, ran) == ("SUCCEEDED", None, [])
    assert str(report).startswith("order: execution")


def test_unchanged_code_comes_to_where_an_execution_in_flight_stands(waiting) -> None:
    ran.clear()
    report = replay(order, waiting.history)

    assert report.ok, str(report)
    assert (report.status, report.goes_on_with, ran) == ("RUNNING", None, [])


def test_every_point_of_a_history_replays(ended) -> None:
    events = ended.history
    for length in range(1, len(events)):
        report = replay(order, events[:length])
        assert report.ok, f"{length}: {report}"


def test_where_a_history_ends_early_the_report_tells_what_comes_next(ended) -> None:
    report = replay(order, ended.history[:1])

    assert report.goes_on_with is not None
    assert report.goes_on_with.startswith(f"step 'first', called at {__file__}:")


def test_a_renamed_step_is_told_with_the_line_that_calls_it(ended) -> None:
    @durable_execution(name="order")
    async def renamed(event: str, ctx: DurableContext) -> Any:
        return await ctx.step("the first", body, event)

    report = replay(renamed, ended.history)

    assert not report.ok
    (difference,) = report.differences
    assert "recorded: STEP 'first' SUCCEEDED" in difference
    assert "current:  STEP 'the first'" in difference
    assert f"called at {__file__}:" in difference
    assert 'return await ctx.step("the first", body, event)' in difference


def test_an_operation_that_the_code_no_longer_calls_is_told(ended) -> None:
    async def returns(first: str, ctx: DurableContext) -> str:
        return first

    with pytest.raises(ReplayDifferenceError, match="the history has an operation that the code no longer calls"):
        replay(changed(returns), ended.history).raise_if_different()


def test_an_operation_after_the_recorded_end_is_told() -> None:
    async def returns(first: str, ctx: DurableContext) -> str:
        return first

    async def goes_on(first: str, ctx: DurableContext) -> str:
        return await ctx.step("notify", body, first)

    async def waits(first: str, ctx: DurableContext) -> str:
        await ctx.wait("later", 60)
        return first

    history = DurableTestRunner(changed(returns)).run("event").history
    assert "the code goes on where the recorded execution had ended as SUCCEEDED" in str(
        replay(changed(goes_on), history)
    )
    assert "current:  step 'notify', called at" in str(replay(changed(goes_on), history))
    assert "current:  wait 'later'" in str(replay(changed(waits), history))


def test_another_result_is_told() -> None:
    async def returns(first: str, ctx: DurableContext) -> str:
        return first

    async def returns_more(first: str, ctx: DurableContext) -> str:
        return first * 2

    report = replay(changed(returns_more), DurableTestRunner(changed(returns)).run("event").history)

    assert report.differences == ('the code returns\n  "eventevent"\nwhere the history has\n  the result "event"',)


def test_failed_executions_replay_to_their_error() -> None:
    async def fails(first: str, ctx: DurableContext) -> None:
        async def unlucky() -> None:
            raise LookupError("no such order")

        await ctx.step("unlucky", unlucky, retry=Retry.fixed(1, max_attempts=2))

    async def catches(first: str, ctx: DurableContext) -> str:
        try:
            await fails(first, ctx)
        except LookupError:
            return "caught"
        return "never"

    history = DurableTestRunner(changed(fails)).run("event").history

    assert replay(changed(fails), history).ok
    assert 'the code returns\n  "caught"\nwhere the history has\n  the error LookupError: no such order' in str(
        replay(changed(catches), history)
    )


@pytest.mark.parametrize("options", [{"timeout": 60}, {"timeout": 300, "heartbeat_timeout": 60}])
def test_a_callback_that_timed_out_replays_to_its_message(options: dict[str, Any]) -> None:
    async def asks(first: str, ctx: DurableContext) -> str:
        handle = await ctx.create_callback("approval", **options)
        try:
            return await ctx.callback_result(handle, str)
        except CallbackError as error:
            return str(error)

    run = DurableTestRunner(changed(asks)).run("event").advance(60)

    assert run.result.endswith("Callback timed out on heartbeat" if len(options) > 1 else "Callback timed out")
    assert replay(changed(asks), run.history).ok


def test_a_failure_of_new_code_is_told() -> None:
    async def returns(first: str, ctx: DurableContext) -> str:
        return first

    async def breaks(first: str, ctx: DurableContext) -> str:
        raise KeyError("customer")

    report = replay(changed(breaks), DurableTestRunner(changed(returns)).run("event").history)

    assert "the code fails with\n  KeyError: 'customer'\nwhere the history has\n  the result \"event\"" in str(report)


def with_datetimes(value: Any) -> Any:
    """The history as boto3 gives it."""
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(each, UTC) if key.endswith("Timestamp") else with_datetimes(each)
            for key, each in value.items()
        }
    return [with_datetimes(each) for each in value] if isinstance(value, list) else value


def with_text(value: Any) -> Any:
    """The history as the AWS command line prints it."""
    return json.loads(json.dumps(with_datetimes(value), default=lambda moment: moment.isoformat()))


@pytest.mark.parametrize("form", [lambda history: history, with_datetimes, with_text])
def test_a_history_is_taken_in_every_form_in_which_it_is_given(ended, tmp_path, form) -> None:
    history = form(ended.history_json())

    assert replay(order, history).ok
    assert replay(order, history["Events"]).ok
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history, default=lambda moment: moment.timestamp()))
    assert replay(order, path).ok
    assert replay(order, str(path)).ok


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ({"Events": []}, "no history from its beginning"),
        ([{"EventType": "Surprise"}], "not an event of a history"),
        ([3], "a history is a list of events"),
        ("not/there.json", "cannot be read"),
    ],
)
def test_what_is_no_history_is_refused(history: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        replay(order, history)


def test_a_history_without_data_is_refused_with_the_way_to_get_one(ended) -> None:
    history = ended.history_json()
    history["Events"][0]["ExecutionStartedDetails"]["Input"] = {"Truncated": True}

    with pytest.raises(ValidationError, match="IncludeExecutionData=True"):
        replay(order, history)


APP = """
from durable_lambda import DurableContext, durable_execution

async def body(name: str) -> str:
    return name

@durable_execution
async def handler(event: str, ctx: DurableContext) -> str:
    return await ctx.step("NAME", body, event)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(APP.replace("NAME", name))
    (tmp_path / "histories").mkdir()
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from durable_lambda.cli import main; main()"]
    return subprocess.run([*program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_replays_what_durable_history_prints(folder: Path) -> None:
    command(folder, "run", "first.py", "--event", '"x"', "--name", "one").check_returncode()
    printed = command(folder, "history", "one", "--json")
    (folder / "histories" / "one.json").write_text(printed.stdout)

    same = command(folder, "replay", "first.py", "histories/one.json")
    assert (same.returncode, same.stdout.split()) == (0, ["ok", "histories/one.json"])

    other = command(folder, "replay", "second.py", "histories")
    assert other.returncode == 1
    assert "differs  histories/one.json" in other.stdout
    assert "recorded: STEP 'first' SUCCEEDED" in other.stdout
    assert "1 of 1 histories differ from the code" in other.stderr

    told = json.loads(command(folder, "replay", "second.py", "histories", "--json").stdout)
    assert told["Replays"][0]["Ok"] is False


@pytest.mark.parametrize(
    ("history", "said"),
    [("missing.json", "is not there"), ("histories", "has no *.json files"), ("first.py", "is no JSON")],
)
def test_the_command_refuses_what_is_no_history(folder: Path, history: str, said: str) -> None:
    result = command(folder, "replay", "first.py", history)

    assert result.returncode == 2
    assert said in result.stderr


@pytest.mark.parametrize("handler", [lambda event, ctx: None, DurableHandler, 5])
def test_what_is_no_durable_function_is_refused(handler: Any) -> None:
    with pytest.raises(ValidationError, match=r"takes a durable function, not .*put @durable_execution above it"):
        replay(handler, [])
