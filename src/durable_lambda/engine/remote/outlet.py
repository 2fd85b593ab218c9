"""Invocations that wait for somebody to fetch them: what stands behind the Lambda Runtime API.

A function of this kind runs wherever its runtime client is. The client fetches an invocation, runs it, and posts the
answer or an error. One that never answers costs the invocation its time-out; one whose process is known to have ended
costs it at once. The time that an invocation waits here does not count.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from durable_lambda.engine.errors import FunctionError
from durable_lambda.engine.invoker import InvocationContext
from durable_lambda.engine.remote.event import decode_answer, encode_event
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.errors import ResourceNotFoundException
from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject


@dataclass(eq=False)
class Assignment:
    """An invocation to be run."""

    request_id: str
    event: bytes
    context: InvocationContext
    answer: asyncio.Future[bytes] = field(repr=False)
    worker: str | None = None
    """Who has fetched it, if he said who he is."""


@dataclass(eq=False)
class Poller:
    """Somebody who waits for an invocation."""

    future: asyncio.Future[Assignment]
    worker: str | None


class Outlet:
    """The invocations of one function, or of several that the same workers serve. Used on the engine's loop.

    Args:
        on_overdue: called with a worker whose invocation was given up: it took too long, or is not wanted any more.
    """

    def __init__(self, on_overdue: Callable[[str], None] = lambda worker: None) -> None:
        self._on_overdue = on_overdue
        self._waiting: deque[Assignment] = deque()
        self._pollers: deque[Poller] = deque()
        self._fetched: dict[str, Assignment] = {}
        self._lost: deque[str] = deque(maxlen=1000)
        """Workers that have ended; a request of theirs may still be on its way."""

    async def run(self, request_id: str, event: bytes, context: InvocationContext) -> bytes:
        """The answer to an invocation, once somebody has fetched and run it. Raises `FunctionError`."""
        assignment = Assignment(request_id, event, context, asyncio.get_running_loop().create_future())
        context.stop_timer()
        self._waiting.append(assignment)
        self._hand_out()
        try:
            return await assignment.answer
        finally:
            if assignment in self._waiting:
                self._waiting.remove(assignment)
            self._fetched.pop(request_id, None)
            if assignment.answer.cancelled() and assignment.worker is not None:
                self._on_overdue(assignment.worker)

    async def fetch(self, worker: str | None) -> Assignment:
        """The next invocation, when there is one."""
        if worker in self._lost:
            raise ResourceNotFoundException(f"The worker {worker} has ended.")
        poller = Poller(asyncio.get_running_loop().create_future(), worker)
        self._pollers.append(poller)
        self._hand_out()
        try:
            assignment = await poller.future
        except asyncio.CancelledError:
            if poller.future.done() and not poller.future.cancelled():  # handed out to somebody who has gone
                self._waiting.appendleft(poller.future.result())
                self._hand_out()
            raise
        assignment.worker = worker
        assignment.context.start_timer()
        self._fetched[assignment.request_id] = assignment
        return assignment

    def answer(self, request_id: str, body: bytes) -> None:
        """An invocation was run. Raises `ResourceNotFoundException` for one that nobody waits for."""
        assignment = self._settled(request_id)
        assignment.answer.set_result(body)

    def fail(self, request_id: str, error: FunctionError) -> None:
        """An invocation has failed. Raises as `answer` does."""
        self._settled(request_id).answer.set_exception(error)

    def fail_next(self, error: FunctionError) -> None:
        """A worker cannot even begin: whoever waits longest is told why."""
        if self._waiting:
            self._waiting.popleft().answer.set_exception(error)

    def lose(self, worker: str, error: FunctionError) -> bool:
        """A worker's process has ended. Whether it was at work."""
        self._lost.append(worker)
        for poller in self._pollers:
            if poller.worker == worker:
                poller.future.cancel()
        lost = [each for each in self._fetched.values() if each.worker == worker and not each.answer.done()]
        for assignment in lost:
            assignment.answer.set_exception(error)
        return bool(lost)

    def _settled(self, request_id: str) -> Assignment:
        assignment = self._fetched.pop(request_id, None)
        if assignment is None or assignment.answer.done():
            raise ResourceNotFoundException(f"Nobody waits for the answer to the invocation {request_id}.")
        return assignment

    def _hand_out(self) -> None:
        while self._waiting and self._pollers:
            poller = self._pollers.popleft()
            if not poller.future.done():
                poller.future.set_result(self._waiting.popleft())


class OutletFunction:
    """A durable function whose workers fetch its invocations: a `DurableFunction`. It checkpoints over HTTP."""

    is_elsewhere = True

    def __init__(self, name: str, outlet: Outlet) -> None:
        self.name = name
        self.outlet = outlet

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        """Have one invocation run."""
        assert isinstance(lambda_context, InvocationContext)
        request_id = lambda_context.aws_request_id
        return decode_answer(await self.outlet.run(request_id, encode_event(invocation), lambda_context))


def exit_error(status: int) -> FunctionError:
    """What Lambda tells of a process that has ended in the middle of an invocation."""
    how = f"signal: {-status}" if status < 0 else f"exit status {status}"
    return FunctionError(ErrorObject("Runtime.ExitError", f"Runtime exited with error: {how}"))
