"""Code of `def` handlers does not keep a process or an engine from ending."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

from durable_lambda import Handler, SyncDurableContext
from durable_lambda.engine import Engine, SkippingClock

PATIENCE = 10  # seconds, for what is not to happen
ROOT = Path(__file__).parents[2]


def test_a_process_ends_with_a_body_that_never_does_and_says_nothing() -> None:
    script = """
        import threading
        from durable_lambda import Handler
        from recording import RecordingBackend, run

        begun = threading.Event()

        def body():
            begun.set()
            threading.Event().wait()

        def handler(event, ctx):
            never = lambda ctx: ctx.step("never", body)
            quick = lambda ctx: ctx.step("quick", begun.wait)
            return ctx.first("first", never=never, quick=quick)[0]

        print(run(Handler(handler, backend=RecordingBackend())))
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"},
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (
        0,
        "{'Status': 'SUCCEEDED', 'Result': 'quick'}",
        "",
    )


def test_an_engine_closes_while_a_body_runs_and_while_code_waits_and_another_goes_on(tmp_path: Path) -> None:
    begun, goes_on, left = threading.Event(), threading.Event(), threading.Event()
    entered, ended = threading.Event(), threading.Event()
    runs: list[str] = []

    def body() -> str:
        runs.append("began")
        begun.set()
        goes_on.wait(PATIENCE)
        return "done"

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        def waits(ctx: SyncDurableContext) -> None:
            entered.set()
            try:
                ctx.wait("pause", 60)
            finally:
                left.set()

        def works(ctx: SyncDurableContext) -> str:
            try:
                return ctx.step("slow", body)
            finally:
                ended.set()

        return str(ctx.parallel("both", {"waits": waits, "works": works}).results()[1])

    with Engine(tmp_path / "orders.db", clock=SkippingClock()) as engine:
        engine.register(Handler(handler, name="orders"))
        engine.start("orders", execution_name="order-42")
        assert begun.wait(PATIENCE)
        assert entered.wait(PATIENCE)
    assert left.wait(PATIENCE), "code that waited is let go"
    goes_on.set()
    assert ended.wait(PATIENCE)
    with Engine(tmp_path / "orders.db", clock=SkippingClock()) as engine:
        engine.register(Handler(handler, name="orders"))
        assert engine.execution("order-42").result(timeout=PATIENCE) == "done"
    assert runs == ["began", "began"]


def test_many_executions_of_def_handlers_run_on_one_engine_at_once() -> None:
    barrier = threading.Barrier(20)

    def handler(event: int, ctx: SyncDurableContext) -> int:
        ctx.step("meet", barrier.wait, PATIENCE)
        ctx.wait("pause", 60)
        return sum(ctx.map("items", range(3), lambda item, ctx: ctx.step("add", int, item)).results()) + event

    with Engine(":memory:", clock=SkippingClock()) as engine:
        engine.register(Handler(handler, name="orders"))
        executions = [engine.start("orders", number) for number in range(20)]
        assert [execution.result(timeout=PATIENCE) for execution in executions] == [3 + number for number in range(20)]
