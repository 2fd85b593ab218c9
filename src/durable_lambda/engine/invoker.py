"""Runs invocations of functions that live in this process: many on one loop, at most one for each execution."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import TypeAlias

from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.machine.identity import function_arn
from durable_lambda.engine.values import error_of
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject

Outcome: TypeAlias = InvocationOutput | ErrorObject

GRACE_SECONDS = 2.0
"""Between the cancellation of an invocation that took too long and the moment when it is left to itself."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A function as it was registered. Durations are seconds, the retention milliseconds."""

    name: str
    function: DurableFunction
    execution_timeout: int
    invocation_timeout: float
    retention: int


class InvocationContext:
    """What a Lambda handler calls `context`, as far as it has a meaning here."""

    def __init__(self, registration: Registration, request_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.aws_request_id = request_id
        self.function_name = registration.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = function_arn(registration.name)
        self.memory_limit_in_mb = "128"
        self._loop = loop
        self._ends_at = loop.time() + registration.invocation_timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is cancelled."""
        return max(0, round((self._ends_at - self._loop.time()) * 1000))


class Invoker:
    """Args:
    on_end: called on the loop when an invocation has ended; not when the engine is closed before.
    on_idle: called when none is under way any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        backend: DurableBackend,
        on_end: Callable[[Hosted, asyncio.Task[None], Outcome], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._context = context
        self._backend = backend
        self._on_end = on_end
        self._on_idle = on_idle
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up: set[asyncio.Task[None]] = set()
        """Invocations that took too long, were cancelled, and go on all the same."""
        self._is_closing = False

    @property
    def is_idle(self) -> bool:
        """Whether no invocation is under way."""
        return not self._tasks

    def start(self, hosted: Hosted, registration: Registration, request_id: str, event: InvocationInput) -> None:
        """Begin an invocation."""
        context = InvocationContext(registration, request_id, self._loop)
        run = self._run(hosted, registration, event, context)
        task = self._loop.create_task(run, name=f"{registration.name} {hosted.row.name}", context=self._context.copy())
        hosted.task = task
        self._tasks.add(task)
        task.add_done_callback(self._forget, context=self._context)

    async def close(self) -> None:
        """Cancel what is under way. It counts as nothing: recovery goes on where each execution stood."""
        self._is_closing = True
        tasks = self._tasks | self._given_up
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    def _give_up(self, hosted: Hosted, task: asyncio.Task[None], error: ErrorObject) -> None:
        self._tasks.discard(task)
        self._given_up.add(task)
        self._on_end(hosted, task, error)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._given_up.discard(task)
        if not self._tasks and not self._is_closing:
            self._on_idle()

    async def _run(
        self, hosted: Hosted, registration: Registration, event: InvocationInput, context: InvocationContext
    ) -> None:
        task = hosted.task
        assert task is not None
        timeout = _Timeout(self._loop, self._context, task, registration, lambda e: self._give_up(hosted, task, e))
        outcome: Outcome
        try:
            outcome = await registration.function.invoke(event, self._backend, context)
            if not isinstance(outcome, InvocationOutput):  # pyright: ignore[reportUnnecessaryIsInstance]  # user code
                raise TypeError(f"{registration.name} answered {outcome!r}, which is no InvocationOutput")
        except asyncio.CancelledError as error:
            if self._is_closing:
                return
            outcome = timeout.error if timeout.is_over else error_of(error)
        except BaseException as error:
            # Whatever a function does, it ends its invocation and not the engine.
            outcome = error_of(error)
        finally:
            timeout.cancel()
        if not self._is_closing:
            self._on_end(hosted, task, outcome)


class _Timeout:
    """Cancels an invocation that takes too long, and gives it up if it goes on all the same."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        task: asyncio.Task[None],
        registration: Registration,
        give_up: Callable[[ErrorObject], None],
    ) -> None:
        seconds = registration.invocation_timeout
        self.error = ErrorObject("Sandbox.Timedout", f"The invocation timed out after {seconds:g} seconds.")
        self.is_over = False
        self._loop = loop
        self._context = context
        self._task = task
        self._give_up = give_up
        self._handle = loop.call_later(seconds, self._on_time, context=context)

    def cancel(self) -> None:
        """The invocation has ended."""
        self._handle.cancel()

    def _on_time(self) -> None:
        self.is_over = True
        self._task.cancel()
        self._handle = self._loop.call_later(GRACE_SECONDS, self._give_up, self.error, context=self._context)


def new_request_id() -> str:
    """An id for an invocation."""
    return str(uuid.uuid4())
