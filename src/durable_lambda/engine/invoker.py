"""Runs invocations of functions that live in this process: many on one loop, at most one for each execution.

Calls of plain functions run beside them, by the same rules for time-outs and for what a function may do to its host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.machine.identity import Entropy, function_arn
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.engine.values import error_of
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject

Outcome: TypeAlias = InvocationOutput | ErrorObject
Work: TypeAlias = Callable[[], Awaitable[InvocationOutput]]
OnEnd: TypeAlias = Callable[[asyncio.Task[None], Outcome], None]

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

    @property
    def is_elsewhere(self) -> bool:
        """Whether the function runs in another process, and its answers take their time."""
        return getattr(self.function, "is_elsewhere", False)


class Timer(Protocol):
    """What ends an invocation that takes too long."""

    def start(self) -> None: ...

    def cancel(self) -> None: ...


class InvocationContext:
    """What a Lambda handler calls `context`, as far as it has a meaning here."""

    def __init__(
        self,
        function: Registration | PlainFunction,
        request_id: str,
        loop: asyncio.AbstractEventLoop,
        tenant_id: str | None,
    ) -> None:
        self.aws_request_id = request_id
        self.function_name = function.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = function_arn(function.name)
        self.memory_limit_in_mb = "128"
        self.tenant_id = tenant_id
        self._loop = loop
        self.seconds = function.invocation_timeout
        """How long the invocation may take."""
        self._ends_at = loop.time() + self.seconds
        self._timer: Timer | None = None

    def use_timer(self, timer: Timer) -> None:
        """What cancels the invocation."""
        self._timer = timer

    def stop_timer(self) -> None:
        """The invocation waits for a place to run; that does not count."""
        if self._timer is not None:
            self._timer.cancel()

    def start_timer(self) -> None:
        """It has one, and has all its time from now on."""
        self._ends_at = self._loop.time() + self.seconds
        if self._timer is not None:
            self._timer.start()

    def end(self) -> None:
        """The invocation has ended; a function that keeps its context must not keep the execution with it."""
        self.stop_timer()
        self._timer = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is cancelled."""
        return max(0, round((self._ends_at - self._loop.time()) * 1000))


class Invoker:
    """Args:
    on_end: called on the loop when an invocation has ended; not when the engine is closed before.
    on_idle: called when none is under way any more.
    entropy: what the ids of calls are made of.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        backend: DurableBackend,
        on_end: Callable[[Hosted, asyncio.Task[None], Outcome], None],
        on_idle: Callable[[], None],
        *,
        entropy: Entropy,
    ) -> None:
        self._loop = loop
        self._context = context
        self._backend = backend
        self._on_end = on_end
        self._on_idle = on_idle
        self._entropy = entropy
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up: set[asyncio.Task[None]] = set()
        """Invocations that took too long, were cancelled, and go on all the same."""
        self._is_closing = False

    @property
    def under_way(self) -> int:
        """Invocations and calls that run now."""
        return len(self._tasks)

    @property
    def is_idle(self) -> bool:
        """Whether no invocation is under way."""
        return not self._tasks

    def start(self, hosted: Hosted, registration: Registration, request_id: str, event: InvocationInput) -> None:
        """Begin an invocation."""
        origin = hosted.state.started.origin
        context = InvocationContext(registration, request_id, self._loop, None if origin is None else origin.tenant_id)

        async def invoke() -> InvocationOutput:
            output = await registration.function.invoke(event, self._backend, context)
            if not isinstance(output, InvocationOutput):  # pyright: ignore[reportUnnecessaryIsInstance]  # user code
                raise TypeError(f"{registration.name} answered {output!r}, which is no InvocationOutput")
            return output

        name = f"{registration.name} {hosted.row.name}"
        hosted.task = self._begin(name, context, invoke, lambda task, end: self._on_end(hosted, task, end))

    def call(
        self,
        function: PlainFunction,
        payload: str | None,
        tenant_id: str | None,
        on_end: Callable[[Outcome], None],
        *,
        request_id: str | None = None,
    ) -> None:
        """Call a plain function. `on_end` is called once, on the loop; not when the engine is closed before."""
        context = InvocationContext(function, request_id or new_request_id(self._entropy), self._loop, tenant_id)
        ended = False

        async def invoke() -> InvocationOutput:
            return InvocationOutput("SUCCEEDED", await function.call(payload, context))

        def end(_: asyncio.Task[None], outcome: Outcome) -> None:
            nonlocal ended
            if not ended:
                ended = True
                on_end(outcome)

        self._begin(function.name, context, invoke, end)

    async def close(self) -> None:
        """Cancel what is under way. It counts as nothing: recovery goes on where each execution stood."""
        self._is_closing = True
        tasks = self._tasks | self._given_up
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    def _begin(self, name: str, context: InvocationContext, work: Work, on_end: OnEnd) -> asyncio.Task[None]:
        run = self._run(context, work, on_end)
        task = self._loop.create_task(run, name=name, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._forget, context=self._context)
        return task

    def _give_up(self, task: asyncio.Task[None], error: ErrorObject, on_end: OnEnd) -> None:
        self._tasks.discard(task)
        self._given_up.add(task)
        on_end(task, error)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._given_up.discard(task)
        if not self._tasks and not self._is_closing:
            self._on_idle()

    async def _run(self, context: InvocationContext, work: Work, on_end: OnEnd) -> None:
        task = asyncio.current_task()
        assert task is not None
        timeout = _Timeout(self._loop, self._context, task, context.seconds, lambda e: self._give_up(task, e, on_end))
        context.use_timer(timeout)
        outcome: Outcome
        try:
            outcome = await work()
        except asyncio.CancelledError as error:
            if self._is_closing:
                return
            outcome = timeout.error if timeout.is_over else error_of(error)
        except BaseException as error:
            # Whatever a function does, it ends its invocation and not the engine.
            outcome = error_of(error)
        finally:
            context.end()
        if not self._is_closing:
            on_end(task, outcome)


class _Timeout:
    """Cancels an invocation that takes too long, and gives it up if it goes on all the same."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        task: asyncio.Task[None],
        seconds: float,
        give_up: Callable[[ErrorObject], None],
    ) -> None:
        self.error = ErrorObject("Sandbox.Timedout", f"The invocation timed out after {seconds:g} seconds.")
        self.is_over = False
        self._loop = loop
        self._context = context
        self._task = task
        self._give_up = give_up
        self._seconds = seconds
        self.start()

    def start(self) -> None:
        """All the time is left."""
        self._handle = self._loop.call_later(self._seconds, self._on_time, context=self._context)

    def cancel(self) -> None:
        """The invocation has ended."""
        self._handle.cancel()

    def _on_time(self) -> None:
        self.is_over = True
        self._task.cancel()
        self._handle = self._loop.call_later(GRACE_SECONDS, self._give_up, self.error, context=self._context)


def new_request_id(entropy: Entropy) -> str:
    """An id for an invocation."""
    return str(UUID(bytes=entropy(16), version=4))
