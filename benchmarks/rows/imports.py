"""How long the imports of a handler's file take, in a fresh interpreter whose byte code is compiled.

Inside, a clock around the imports; outside, the life of the whole process.
"""

from __future__ import annotations

from benchmarks.figures import Line, Probe, Results, both, over, times, within

TITLE = "Import"

STATEMENTS = {
    "ours": "from durable_lambda import durable_execution, DurableContext, Retry, current_step",
    "official": (
        "from aws_durable_execution_sdk_python import durable_execution, DurableContext, StepContext\n"
        "from aws_durable_execution_sdk_python.config import StepConfig\n"
        "from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy"
    ),
    "async_peer": "from async_durable_execution import durable_execution, get_step_context, step",
    "bare": "import asyncio, json, logging",
}


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 4 if quick else 21) for subject in STATEMENTS]


def script(subject: str) -> str:
    return (
        f"import time\nbegan = time.perf_counter()\n{STATEMENTS[subject]}\n"
        "print('{\"seconds\": %r}' % (time.perf_counter() - began))"
    )


def lines(results: Results) -> list[Line]:
    figures = results.medians("seconds", STATEMENTS, 1e3)
    of_official = over(figures["ours"], figures["official"])
    of_floor = over(figures["ours"], figures["bare"])
    return [
        Line(
            "imports of a handler's file",
            "ms",
            figures,
            f"≤ 0.4 × official: {times(of_official)}; ≤ 1.7 × floor (asyncio, json, logging): {times(of_floor)}",
            both(within(of_official, 0.4), within(of_floor, 1.7)),
            results.noise("ours", "seconds"),
        ),
        Line("whole process", "ms", results.medians("process_seconds", STATEMENTS, 1e3)),
    ]
