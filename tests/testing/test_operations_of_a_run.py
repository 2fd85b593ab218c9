"""The tree of a run's operations, how it is printed, and its history."""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from durable_lambda import DurableContext, Retry, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.protocol.events import Event
from durable_lambda.testing import DurableTestRunner


async def double(number: int) -> int:
    return number * 2


async def unlucky() -> None:
    raise OSError("no answer")


async def item(number: int, ctx: DurableContext) -> int:
    return await ctx.step("double", double, number)


@durable_execution
async def nested(event: list[int], ctx: DurableContext) -> int:
    async def inner(inside: DurableContext) -> int:
        await inside.wait("pause", timedelta(minutes=5))
        return await inside.step("double", double, 5)

    doubled = await ctx.map("all", event, item, item_name=lambda number, _: f"item {number}")
    child = await ctx.run_in_child_context("child", inner)
    with contextlib.suppress(OSError):
        await ctx.step("unlucky", unlucky, retry=Retry.fixed(10, max_attempts=2))
    return sum(doubled.results()) + child


@pytest.fixture
def run():
    return DurableTestRunner(nested).run([1, 2])


def test_the_tree_has_contexts_with_their_children(run) -> None:
    assert run.result == 16
    assert run.operations.names == ["all", "child", "unlucky"]
    assert run.operations["all"].children.names == ["item 1", "item 2"]
    assert run.operations["all"].children[1].children[0].result == 4


def test_an_operation_is_found_by_name_wherever_it_is(run) -> None:
    assert [run.operation("double", index).result for index in range(3)] == [2, 4, 10]
    assert run.operation("double", -1).result == 10
    assert run.operation("child").children["double"].result == 10


def test_an_operation_tells_how_it_went(run) -> None:
    unlucky = run.operation("unlucky")
    assert (unlucky.kind, unlucky.status, unlucky.attempts) == ("step", "FAILED", 2)
    assert unlucky.error.error_message == "no answer"
    pause = run.operation("pause")
    assert (pause.kind, pause.ended_at - pause.started_at) == ("wait", timedelta(minutes=5))
    assert [run.operation(name).kind for name in ("all", "item 1", "child")] == ["map", "item", "child_context"]


def test_the_result_of_a_batch_is_told_without_the_tags_that_it_is_stored_with(run) -> None:
    told = run.operation("all").result
    assert [(each["index"], each["status"]) for each in told["all"]] == [
        (n, "SUCCEEDED") for n in range(len(told["all"]))
    ]
    assert all(isinstance(each["result"], int) for each in told["all"])


def test_a_result_that_a_codec_wrote_is_told_as_it_was_written() -> None:
    class Plain:
        def encode(self, value: int) -> str:
            return f"<{value}>"

        def decode(self, payload: str) -> int:
            return int(payload[1:-1])

    @durable_execution
    async def encoded(event: int, ctx: DurableContext) -> int:
        return await ctx.step("double", double, event, codec=Plain())

    run = DurableTestRunner(encoded).run(4)
    assert (run.result, run.operation("double").result) == (8, "<8>")


def test_a_name_that_is_not_there_is_told_with_those_that_are(run) -> None:
    with pytest.raises(LookupError, match=r"no operation named 'dubble'; did you mean 'double'\? This run's: 'all',"):
        run.operation("dubble")
    with pytest.raises(LookupError, match="there are 3 operations named 'double', so none with index 3"):
        run.operation("double", 3)


def test_the_tree_is_printed(run) -> None:
    out = io.StringIO()
    run.print_tree(out)
    text = out.getvalue()

    assert "├─ ✓ all" in text
    assert "│  ├─ ✓ item 1" in text
    assert "└─ ✗ unlucky" in text
    assert "OSError: no answer" in text


def test_the_timeline_shows_what_took_long(run) -> None:
    lines = {line.split("  ")[0].strip(): line for line in run.timeline(width=31).splitlines()}

    assert lines["wait pause"].count("█") == 30
    assert lines["step unlucky"].count("█") == 1
    assert lines["wait pause"].endswith("5 min 0 s")


def test_an_execution_without_operations_has_an_empty_tree() -> None:
    @durable_execution
    async def nothing(event: None, ctx: DurableContext) -> None:
        pass

    run = DurableTestRunner(nothing).run()
    assert (len(run.operations), run.timeline()) == (0, "(no operations)")
    assert "(no operations)" in run.tree()


def test_the_history_is_the_engines_but_for_ids_and_times(run) -> None:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(nested)
        execution = engine.start("nested", [1, 2])
        execution.wait(10)
        recorded = execution.history()

    assert [comparable(event) for event in run.history] == [comparable(event) for event in recorded]


def comparable(event: Event) -> dict[str, Any]:
    """An event without what differs between any two executions."""
    told = msgspec.to_builtins(event)
    told.pop("event_timestamp")
    details = told["details"]
    for key in [key for key in details if key.endswith("Timestamp") or key in ("RequestId", "CallbackId")]:
        del details[key]
    if event.event_type.startswith("Execution"):
        told.pop("id")
        told.pop("name")
    return told
