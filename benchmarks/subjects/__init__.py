"""The libraries that are measured, each behind the same few functions, each imported only in its own environment.

For the rows on the SDK a subject module gives `build(shape, service, marks)`: a Lambda handler around a function of
that shape, which sends its checkpoints to `service` and notes in `marks` when it did what. For the rows on the engine
it gives `run_load` and `Held`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import perf_counter


@dataclass(frozen=True)
class Shape:
    """What the durable function does."""

    steps: int = 0
    body: str = "async"
    """`async` or `def`: what the body of a step is. The official SDK has `def` only."""
    handler: str = "async"
    """`async` or `def`: what the durable function is, where a library has both. A `def` has `def` bodies."""
    kind: str = "sequence"
    """`sequence`: a step after the other; `child`: that in a child context; `map`, `parallel`: at once, one each."""


@dataclass
class Marks:
    """Moments that a durable function notes while it runs."""

    began: float = 0.0
    ended: float = 0.0
    laps: list[float] = field(default_factory=list)
    """Seconds that each step took, as the function saw it."""
    threads: int = 0
    """The most that were seen at once in the bodies of a batch."""

    def begin(self) -> None:
        self.laps.clear()
        self.began = self.ended = perf_counter()

    def lap(self, since: float) -> None:
        self.ended = perf_counter()
        self.laps.append(self.ended - since)

    def count_threads(self) -> None:
        self.threads = max(self.threads, threading.active_count())


@dataclass
class Load:
    """What a number of executions did on an engine."""

    seconds: float
    """From the first start to the last result."""
    laps: list[list[float]]
    """Seconds that each step took, an execution a list."""
    between: list[float] = field(default_factory=list)
    """Seconds that what was run between the steps took."""
    row_bytes: int = 0
    """What one step adds to the log, in bytes."""


class LambdaContext:
    """What Lambda hands to a handler beside the event."""

    aws_request_id = "11111111-2222-4333-8444-555555555555"
    function_name = "bench"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:bench:1"
    memory_limit_in_mb = "512"
    log_group_name = "/aws/lambda/bench"
    log_stream_name = "bench"
    tenant_id = None
    client_context = None
    identity = None

    def get_remaining_time_in_millis(self) -> int:
        return 900_000

    def log(self, msg: object) -> None:
        """Nothing is logged."""
