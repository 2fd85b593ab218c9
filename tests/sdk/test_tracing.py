"""Spans: one for each invocation and operation, nested as the code is. OpenTelemetry is used in no other module."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, OpenTelemetryHooks, durable_execution
from recording import ARN, RecordingBackend, run

FIRST_ID = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
INVOCATION = "durable_invocation"


class Spans:
    """The spans that have ended, in that order: those of invocations apart from all others."""

    def __init__(self, ended: Callable[[], Any]) -> None:
        self._ended = ended

    def __call__(self) -> list[Any]:
        return [span for span in self._ended() if span.name != INVOCATION]

    def invocations(self) -> list[Any]:
        return [span for span in self._ended() if span.name == INVOCATION]


KEPT: dict[str, ModuleType] = {}


@pytest.fixture
def spans() -> Iterator[Spans]:
    """While it is used the program has imported OpenTelemetry, and has set a tracer provider."""
    others = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "opentelemetry"}
    sys.modules.update(KEPT)
    trace = importlib.import_module("opentelemetry.trace")
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    memory = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    if not KEPT:
        trace.set_tracer_provider(sdk.TracerProvider())
    exporter = memory.InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    yield Spans(exporter.get_finished_spans)
    exporter.shutdown()
    KEPT.update({name: module for name, module in sys.modules.items() if name.split(".")[0] == "opentelemetry"})
    for name in KEPT.keys() - others.keys():
        del sys.modules[name]


def named(spans: list[Any], name: str) -> Any:
    [found] = [span for span in spans if span.attributes.get("op.name") == name]
    return found


def is_inside(span: Any, outer: Any) -> bool:
    return span.parent is not None and span.parent.span_id == outer.context.span_id


def test_other_modules_run_without_it() -> None:
    """If this fails, something else in the test run imports OpenTelemetry for everybody."""
    assert "opentelemetry.trace" not in sys.modules


def test_a_callback_is_a_span(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval", timeout=300)

    Execution(handler).result()
    [span] = spans()
    assert span.name == "durable_operation"
    assert dict(span.attributes) == {
        "op.name": "approval",
        "op.type": "callback",
        "op.id": FIRST_ID,
        "op.replayed": False,
        "op.outcome": "SUCCEEDED",
    }


def test_a_replayed_callback_is_a_span_that_says_so(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval", timeout=300)

    execution = Execution(handler)
    execution.result()
    execution.result()
    _, replayed = spans()
    assert (replayed.attributes["op.type"], replayed.attributes["op.id"]) == ("callback", FIRST_ID)
    assert replayed.attributes["op.replayed"] is True


def test_a_replayed_callback_that_waits_for_its_answer_was_created_all_the_same(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.create_callback("approval")
        await ctx.wait("pause", 60)

    execution = Execution(handler)
    execution.suspends()
    execution.suspends()
    assert [span.attributes["op.outcome"] for span in spans() if span.attributes["op.name"] == "approval"] == [
        "SUCCEEDED",
        "SUCCEEDED",
    ]


def test_each_kind_of_operation_has_its_type(spans: Spans) -> None:
    async def child(ctx: DurableContext) -> None: ...

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("step", str)
        await ctx.run_in_child_context("child", child)
        await ctx.create_callback("callback")
        await ctx.wait("wait", 60)

    Execution(handler).suspends()
    types = {span.attributes["op.name"]: span.attributes["op.type"] for span in spans()}
    assert types == {"step": "step", "child": "child_context", "callback": "callback", "wait": "wait"}


def test_a_suspended_operation_says_so(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    Execution(handler).suspends()
    [span] = spans()
    assert span.attributes["op.outcome"] == "SUSPENDED"
    assert span.status.is_unset


def test_a_failed_operation_says_so_with_its_error(spans: Spans) -> None:
    def fail() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("fail", fail, retry=0)

    Execution(handler).error()
    [span] = spans()
    assert span.attributes["op.outcome"] == "FAILED"
    assert not span.status.is_ok
    assert span.status.description == "no"
    assert [event.attributes["exception.type"] for event in span.events] == ["ValueError"]


def test_a_replayed_failure_has_its_outcome(spans: Spans) -> None:
    def fail() -> None:
        raise ValueError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("fail", fail, retry=0)

    execution = Execution(handler)
    execution.error()
    execution.error()
    _, replayed = spans()
    assert (replayed.attributes["op.replayed"], replayed.attributes["op.outcome"]) == (True, "FAILED")


def test_a_cancelled_operation_says_so(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        held = asyncio.ensure_future(ctx.step("held", asyncio.Event().wait))
        await ctx.step("work", str)
        held.cancel()
        await asyncio.wait([held])

    Execution(handler).result()
    assert named(spans(), "held").attributes["op.outcome"] == "CANCELLED"


def test_an_error_whose_text_is_broken_does_not_become_another_error(spans: Spans) -> None:
    class BrokenTextError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def fail() -> None:
        raise BrokenTextError

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("fail", fail, retry=0, raises=(BrokenTextError,))
        except BrokenTextError:
            return "itself"
        return ""

    assert Execution(handler).result() == "itself"


def test_an_attempt_has_its_number(spans: Spans) -> None:
    failures = [ConnectionError("no"), ConnectionError("no")]

    async def flaky() -> None:
        if failures:
            raise failures.pop()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("flaky", flaky)

    execution = Execution(handler)
    for _ in range(2):
        execution.suspends()
        execution.elapse()
    execution.result()
    execution.result()
    assert [span.attributes["op.attempt"] for span in spans()] == [1, 2, 3, 3]


# Nesting


@pytest.mark.parametrize("on_thread", [False, True], ids=["async", "thread"])
def test_what_a_body_traces_is_inside_its_step(spans: Spans, on_thread: bool) -> None:
    def trace() -> None:
        tracer = sys.modules["opentelemetry.trace"].get_tracer("test")
        with tracer.start_as_current_span("inside", attributes={"op.name": "inside"}):
            pass

    async def trace_async() -> None:
        trace()

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", trace if on_thread else trace_async)

    Execution(handler).result()
    assert is_inside(named(spans(), "inside"), named(spans(), "work"))


def test_operations_are_inside_the_span_of_the_code_that_calls_them(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        tracer = sys.modules["opentelemetry.trace"].get_tracer("test")
        with tracer.start_as_current_span("outer", attributes={"op.name": "outer"}):
            await asyncio.gather(ctx.step("a", str), ctx.step("b", str))
        await ctx.step("after", str)

    Execution(handler).result()
    ended = spans()
    assert is_inside(named(ended, "a"), named(ended, "outer"))
    assert is_inside(named(ended, "b"), named(ended, "outer"))
    assert is_inside(named(ended, "after"), spans.invocations()[0])


def test_operations_of_a_child_context_are_inside_it(spans: Spans) -> None:
    async def child(name: str, ctx: DurableContext) -> None:
        await ctx.step(f"{name}1", str)
        await asyncio.gather(ctx.step(f"{name}2", str), ctx.step(f"{name}3", str))

    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(ctx.run_in_child_context("a", child, "a"), ctx.run_in_child_context("b", child, "b"))

    Execution(handler).result()
    ended = spans()
    for name in ("a", "b"):
        for number in (1, 2, 3):
            assert is_inside(named(ended, f"{name}{number}"), named(ended, name))
        assert is_inside(named(ended, name), spans.invocations()[0])


def test_replayed_operations_of_a_child_context_are_inside_it(spans: Spans) -> None:
    async def child(ctx: DurableContext) -> None:
        await ctx.step("done", str)
        await ctx.wait("pause", 60)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("group", child)

    execution = Execution(handler)
    execution.suspends()
    before = len(spans())
    execution.suspends()
    ended = spans()[before:]
    assert named(ended, "done").attributes["op.replayed"] is True
    assert is_inside(named(ended, "done"), named(ended, "group"))


def test_every_span_ends(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.wait("forgotten", 60)
        await ctx.step("work", str)

    Execution(handler).result()
    assert {span.attributes["op.name"] for span in spans()} == {"forgotten", "work"}
    assert all(span.end_time is not None for span in spans())


# Invocations


def test_an_invocation_is_a_span_that_says_how_it_ended(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait("pause", 60)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert [dict(span.attributes) for span in spans.invocations()] == [
        {
            "execution.arn": ARN,
            "function.name": "handler",
            "request.id": "",
            "invocation.first": is_first,
            "invocation.outcome": outcome,
        }
        for is_first, outcome in ((True, "SUSPENDED"), (False, "SUCCEEDED"))
    ]


def test_an_invocation_that_failed_says_so_with_its_error(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        raise ValueError("no")

    Execution(handler).error()
    [span] = spans.invocations()
    assert span.attributes["invocation.outcome"] == "FAILED"
    assert span.status.description == "no"
    assert [event.attributes["exception.type"] for event in span.events] == ["ValueError"]


def test_an_invocation_is_inside_the_span_of_who_calls_it(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None: ...

    trace = sys.modules["opentelemetry.trace"]
    with trace.get_tracer("test").start_as_current_span("outer"):
        Execution(handler).result()
        assert trace.get_current_span().name == "outer"
    assert is_inside(spans.invocations()[0], spans()[0])


def test_what_the_handler_traces_is_inside_its_invocation(spans: Spans) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        sys.modules["opentelemetry.trace"].get_tracer("test").start_span("inside").end()

    Execution(handler).result()
    assert is_inside(spans()[0], spans.invocations()[0])


# Which provider


def test_a_provider_can_be_given_and_then_it_is_the_only_one(spans: Spans) -> None:
    sdk = sys.modules["opentelemetry.sdk.trace"]
    exporter = sys.modules["opentelemetry.sdk.trace.export.in_memory_span_exporter"].InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(sys.modules["opentelemetry.sdk.trace.export"].SimpleSpanProcessor(exporter))

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", str)

    run(durable_execution(backend=RecordingBackend(), hooks=OpenTelemetryHooks(provider))(handler))
    assert [span.name for span in exporter.get_finished_spans()] == ["durable_operation", INVOCATION]
    assert spans() == []
    assert spans.invocations() == []


def test_a_program_that_imports_it_and_sets_no_provider_is_not_traced(tmp_path: Path) -> None:
    """Nothing is asked of OpenTelemetry but its provider: here everything else would raise."""
    (tmp_path / "untraced.py").write_text(
        "from opentelemetry import trace\n"
        "from recording import RecordingBackend, run\n"
        "from durable_lambda import durable_execution\n"
        "trace.get_tracer = trace.set_span_in_context = None\n"
        "@durable_execution(backend=RecordingBackend())\n"
        "async def handler(event, ctx):\n"
        "    return await ctx.step('work', str, 'done')\n"
        "print(run(handler)['Result'])\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    program = [sys.executable, "-W", "error", str(tmp_path / "untraced.py")]
    ran = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert (ran.stdout, ran.stderr) == ("done\n", "")


def test_a_provider_that_gives_no_tracer_harms_nothing(
    spans: Spans, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        return await ctx.step("work", str, "done")

    monkeypatch.setattr(sys.modules["opentelemetry.trace"], "get_tracer", None)
    assert Execution(handler).result() == "done"
    [record] = caplog.records
    assert "not traced" in record.message
