"""`replay`: a history from anywhere, run against today's code, without running a body or sending anything.

The function runs from the top, as it does when it is invoked again. Every operation that the history has gives its
recorded outcome. Where the code wants to do something that the history does not have, the replay ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextvars import Context
from functools import partial
from types import FrameType
from typing import Any, Final, TypeVar

import msgspec

from durable_lambda.arguments import is_async
from durable_lambda.errors import BackendError
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.protocol.invocation import InitialExecutionState, InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject, RawOperation
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.rehearsal import REHEARSAL
from durable_lambda.testing.checked import check_durable
from durable_lambda.testing.loops import VirtualLoop, run_blocking
from durable_lambda.testing.recorded import History, Recorded, read_history

T = TypeVar("T")

_MISMATCH: Final = "durable_lambda.errors.NonDeterministicExecutionError"
_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TURNS: Final = 200
"""Of the loop, for branches that still replay when another one has come to the history's end."""


class ReplayDifferenceError(AssertionError):
    """Today's code does not go the way of a history."""


class ReplayReport(msgspec.Struct, frozen=True):
    """What a replay has seen. Printed, it tells all of it."""

    function: str
    execution: str
    """The recorded execution's name."""
    status: str
    """How the recorded execution stood: RUNNING if its history has no end."""
    operations: int
    """How many operations the history has."""
    differences: tuple[str, ...]
    goes_on_with: str | None
    """What the code does next where the history of an execution that had not ended is over."""

    @property
    def ok(self) -> bool:
        """Whether today's code goes the way of the history."""
        return not self.differences

    def __str__(self) -> str:
        head = f"{self.function}: execution {self.execution!r} ({self.status}, {self.operations} operations)"
        if self.differences:
            return f"{head} differs:\n" + "\n".join(self.differences)
        return f"{head} replays" + (f", and goes on with {self.goes_on_with}" if self.goes_on_with else "")

    def raise_if_different(self) -> ReplayReport:
        """Raise `ReplayDifferenceError` unless it is `ok`; return itself."""
        if self.differences:
            raise ReplayDifferenceError(str(self))
        return self


def replay(handler: DurableFunction, history: History) -> ReplayReport:
    """Run a recorded history against the function as it is now. No body runs, and nothing is sent.

    Args:
        handler: The durable function.
        history: What `GetDurableExecutionHistory` answers with execution data (boto3's answer, or a list of its
            events), a path of a JSON file with it, or `run.history`. `durable history NAME --json` writes one.

    Returns:
        What differs, with the line of the code where it is known; `report.ok` is whether nothing does. For an execution
        that had not ended: whether the code comes to where it stood.

    Raises:
        ValidationError: It is no history from its beginning, or has no execution data.

    ```python
    def test_executions_in_flight_can_go_on():
        for path in Path("histories").glob("*.json"):
            replay(handler, path).raise_if_different()
    ```
    """
    check_durable(handler, "replay")
    recorded = read_history(history, handler.name)
    rehearsal = _Replay(recorded)
    output = run_blocking(partial(_invoke, handler, recorded, rehearsal))
    return ReplayReport(
        function=handler.name,
        execution=recorded.name,
        status=recorded.status,
        operations=len(recorded.operations) - 1,
        differences=tuple(_differences(recorded, output, rehearsal)),
        goes_on_with=rehearsal.goes_on_with if recorded.status not in ("SUCCEEDED", "FAILED") else None,
    )


def _invoke(handler: DurableFunction, recorded: Recorded, rehearsal: _Replay) -> InvocationOutput | None:
    """One invocation; `None` if it came to the history's end."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_run(loop, handler, recorded, rehearsal))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _run(
    loop: VirtualLoop, handler: DurableFunction, recorded: Recorded, rehearsal: _Replay
) -> InvocationOutput | None:
    context = Context()
    context.run(REHEARSAL.set, rehearsal)
    operations: list[RawOperation] = list(recorded.operations)
    invocation = InvocationInput(recorded.arn, "replay", InitialExecutionState(operations))
    task = loop.create_task(handler.invoke(invocation, rehearsal, _NoLambda()), context=context)
    end = loop.create_task(rehearsal.end.wait())
    await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
    for _ in range(_TURNS):
        if task.done():
            break
        await asyncio.sleep(0)
    for each in (task, end):
        each.cancel()
    await asyncio.wait((task, end))
    if task.cancelled():
        return None
    try:
        return task.result()
    except BackendError:
        return None


class _Replay:
    """A `Rehearsal` and a backend in one: whatever is asked for that the history does not have is its end."""

    def __init__(self, recorded: Recorded) -> None:
        self._known = {operation.id for operation in recorded.operations}
        self.goes_on_with: str | None = None
        self.end = asyncio.Event()

    def _arrive(self, what: str) -> None:
        if self.goes_on_with is None:
            self.goes_on_with = what
        self.end.set()

    def body(self, call: Call[Any], fn: Callable[..., Any]) -> Callable[..., Any]:
        what = f"{call.label}{_called_at()}"

        async def never(*_: Any) -> Any:
            await _Never(partial(self._arrive, what))

        def never_on_a_thread(*_: Any) -> Any:
            return _Never(partial(self._arrive, what))

        return never if is_async(fn) else never_on_a_thread

    def noticed_key(self, operation_id: str) -> None:
        """No body runs."""

    async def execute(self, call: Call[T], recorded: wire.Operation | None) -> T:
        return await call.execute(recorded)

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        new = next((update for update in updates if update.id not in self._known), None)
        if new is not None:
            kind = new.type.lower().replace("chained_", "")
            self._arrive(f"{kind} {new.name!r}" if new.name is not None else f"an unnamed {kind}")
        elif updates:
            self.end.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody completes it")

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        return ExecutionState()

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class _Never:
    """What is awaited in the place of a body; no coroutine, since it may be that nobody comes to await it."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        self._arrive = arrive

    def __await__(self) -> Generator[Any, None, Any]:
        self._arrive()
        return (yield from asyncio.get_running_loop().create_future())


class _NoLambda:
    """A Lambda context for an invocation that is none."""

    aws_request_id = "replay"
    invoked_function_arn = ""

    def get_remaining_time_in_millis(self) -> int:
        """As much as Lambda gives at most."""
        return 900_000


def _differences(recorded: Recorded, output: InvocationOutput | None, rehearsal: _Replay) -> list[str]:
    has_ended = recorded.status in ("SUCCEEDED", "FAILED")
    said: str | None = None
    if output is not None and output.status == "FAILED" and output.error is not None:
        said = _failure(recorded, output.error)
    elif has_ended and rehearsal.goes_on_with is not None:
        said = (
            f"the code goes on where the recorded execution had ended as {recorded.status}:\n"
            f"  current:  {rehearsal.goes_on_with}"
        )
    elif has_ended and (output is None or output.status == "PENDING"):
        said = f"the code waits for something where the recorded execution had ended as {recorded.status}"
    elif output is not None and has_ended and not _is_result_of(recorded, output):
        said = f"the code returns\n  {output.result}\nwhere the history has\n  {_end_of(recorded)}"
    return [] if said is None else [said]


def _is_result_of(recorded: Recorded, output: InvocationOutput) -> bool:
    return recorded.status == "SUCCEEDED" and _value(output.result) == _value(recorded.result)


def _failure(recorded: Recorded, error: ErrorObject) -> str | None:
    """What is otherwise about a failure of the code; `None` if the history has the same."""
    if error.error_type == _MISMATCH and (recorded.error is None or recorded.error.error_type != _MISMATCH):
        return error.error_message or error.error_type
    if recorded.status == "FAILED" and _shown(error) == _shown(recorded.error):
        return None
    return f"the code fails with\n  {_shown(error)}\nwhere the history has\n  {_end_of(recorded)}"


def _end_of(recorded: Recorded) -> str:
    if recorded.status == "SUCCEEDED":
        return f"the result {recorded.result}"
    return f"the error {_shown(recorded.error)}" if recorded.status == "FAILED" else "no end"


def _shown(error: ErrorObject | None) -> str:
    if error is None:
        return "no error"
    message = (error.error_message or error.error_data or "").partition("\n")[0]
    return ": ".join(part for part in (error.error_type, message) if part)


def _value(result: str | None) -> Any:
    try:
        return json.loads(result or "null")
    except ValueError:
        return result


def _called_at() -> str:
    """The line of user code that calls the operation."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # no public way to a caller's frame
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return "" if frame is None else f", called at {frame.f_code.co_filename}:{frame.f_lineno}"
