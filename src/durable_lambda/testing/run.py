"""`DurableRun`: one execution in a test, as it stands, and what the test does to it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TextIO, TypeVar

from durable_lambda.cli import tree as drawing
from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.outcome import result_of
from durable_lambda.engine.requests import CallbackAnswer, answer_callback, stop_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.engine.values import encode_value, error_of
from durable_lambda.errors import ValidationError
from durable_lambda.protocol.events import Event, event_to_wire
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.testing.loops import run_awaited, run_blocking
from durable_lambda.testing.operations import Operations, OperationView, tree_of
from durable_lambda.testing.timeline import timeline
from durable_lambda.testing.world import World

T = TypeVar("T")

RECENT: Final[deque[DurableRun]] = deque(maxlen=8)
"""The latest runs: the pytest plugin shows those of a test that failed."""


class NotEndedError(AssertionError):
    """A test asked for the result of a run that waits for something; the message tells for what."""


class DurableRun:
    """An execution in a test. It stands still: a function that is blocked goes on when the test says so.

    Made by `DurableTestRunner.run` and `start`. What it tells is how the execution stands now.
    """

    def __init__(self, world: World, row: ExecutionRow, check: Callable[[DurableRun], None]) -> None:
        self._world = world
        self._row = row
        self._check = check

    def __repr__(self) -> str:
        return f"<run of {self._row.function}: {self.status}{self._waits()}>"

    # What it tells

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or STOPPED. RUNNING is one that waits for an answer, or for time."""
        return self._state.status

    @property
    def result(self) -> Any:
        """The result, decoded from JSON.

        Raises:
            ExecutionFailedError: The execution failed; `run.error` has what was recorded. `ExecutionTimedOutError`,
                `ExecutionStoppedError`: likewise.
            NotEndedError: It has not ended, and waits for what the message tells.
        """
        ended = self._state.ended
        if ended is None:
            raise NotEndedError(f"the execution has no result: it is RUNNING{self._waits()}\n{self.tree()}")
        return result_of(self._row.name, ended)

    @property
    def error(self) -> ErrorObject | None:
        """What was recorded of the failure (`error_type`, `error_message`, …); `None` unless it ended with one."""
        ended = self._state.ended
        return None if ended is None else ended.error

    @property
    def invocations(self) -> int:
        """How often the function was invoked."""
        return sum(event.event_type == "InvocationCompleted" for event in self.history)

    @property
    def history(self) -> list[Event]:
        """Its events, as an engine records them: those of `durable history` and `GetDurableExecutionHistory`."""
        return self._world.history(self._row)

    def history_json(self) -> dict[str, Any]:
        """The history as the service tells it, for a file: `{"Events": […]}`."""
        return {"Events": [event_to_wire(event) for event in self.history]}

    @property
    def operations(self) -> Operations:
        """Its operations as a tree."""
        return tree_of(self._operations)

    def operation(self, name: str, index: int = 0) -> OperationView:
        """The operation of a name, wherever in the tree. Raises `LookupError` when there is none."""
        return self.operations.named(name, index)

    @property
    def now(self) -> datetime:
        """The time of the test."""
        return datetime.fromtimestamp(self._world.clock.now() / 1000, UTC)

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        return self._state.arn

    @property
    def waiting_for(self) -> list[str]:
        """What it waits for, each with what lets it go on: empty when it has ended."""
        return [_waits_for(view) for view in self._blocked()]

    @property
    def ended(self) -> ExecutionEnded | None:
        """How it ended, as it is recorded; `None` while it has not."""
        return self._state.ended

    @property
    def open_callbacks(self) -> list[str]:
        """The names of the callbacks that are waited for, as `send_callback_success` takes them."""
        return [_short_name(view) for view in self._blocked() if view.type == "CALLBACK"]

    def tree(self) -> str:
        """The operations as text, one a line, children below their context."""
        shown = drawing.view(self._operations, self._world.clock.now() / 1000)
        lines = drawing.lines(shown.rows) if shown.rows else ["(no operations)"]
        error = drawing.error_text(self.error)
        return "\n".join([shown.heading(), *lines, *([error] if error else [])])

    def print_tree(self, file: TextIO | None = None) -> None:
        """Print `tree()`."""
        print(self.tree(), file=file or sys.stdout)

    def timeline(self, width: int = 60) -> str:
        """When each operation ran, as bars below each other."""
        return timeline(self.operations, width)

    # What a test does to it

    def send_callback_success(self, name: str, value: Any = None, *, index: int = 0) -> None:
        """Answer a callback that is waited for; the function goes on with `run()`.

        Args:
            name: The callback's name, or that of the `wait_for_callback` around it.
            value: Anything that JSON can say.
            index: Which one, when several of that name are waited for.

        Raises:
            LookupError: No such callback is waited for; the message tells which are.
        """
        self._answer(
            name, index, lambda key: CallbackAnswer(key, is_success=True, payload=encode_value("value", value))
        )

    def send_callback_failure(self, name: str, error: BaseException | str | ErrorObject, *, index: int = 0) -> None:
        """Answer a callback with a failure. Raises as `send_callback_success` does."""
        self._answer(name, index, lambda key: CallbackAnswer(key, error=error_of(error)))

    def send_callback_heartbeat(self, name: str, *, index: int = 0) -> None:
        """Tell that a callback's answer is being worked on. Raises as `send_callback_success` does."""
        self._answer(name, index, CallbackAnswer)

    def stop(self, error: BaseException | str | ErrorObject | None = None) -> None:
        """End it as STOPPED."""
        reason = None if error is None else error_of(error)
        self._change(lambda host: stop_execution(host, self._row.id, reason))
        self.run()

    def run(self) -> DurableRun:
        """Go on until it has ended, or waits for what only the test can give. Returns itself."""
        self._world.check_outside()
        run_blocking(self._world.settle)
        self._check(self)
        return self

    async def arun(self) -> DurableRun:
        """`run`, to be awaited."""
        self._world.check_outside()
        await run_awaited(self._world.settle)
        self._check(self)
        return self

    def advance(self, by: timedelta | int) -> DurableRun:
        """Let a `timedelta`, or that many seconds, pass: what is due meanwhile happens, time-outs included."""
        duration = _milliseconds(by)
        self._world.check_outside()
        run_blocking(lambda: self._world.advance(duration))
        self._check(self)
        return self

    async def aadvance(self, by: timedelta | int) -> DurableRun:
        """`advance`, to be awaited."""
        duration = _milliseconds(by)
        self._world.check_outside()
        await run_awaited(lambda: self._world.advance(duration))
        self._check(self)
        return self

    def advance_to_next(self) -> DurableRun:
        """Let time pass until the next moment at which something happens by itself, a time-out included."""
        self._world.check_outside()
        run_blocking(self._world.advance_to_next)
        self._check(self)
        return self

    def _answer(self, name: str, index: int, answer: Callable[[str], CallbackAnswer]) -> None:
        callback_id = self._open_callback(name, index)
        self._change(lambda host: answer_callback(host, answer(callback_id)))

    def _change(self, action: Callable[[Host], T]) -> T:
        self._world.check_outside()
        return run_blocking(lambda: self._world.change(action))

    @property
    def _state(self) -> ExecutionState:
        return self._world.state(self._row)

    @property
    def _operations(self) -> list[Operation]:
        return list(self._state.operations.values())

    def _blocked(self) -> list[OperationView]:
        blocked = self._state.blocked if self._state.is_running else ()
        return [view for view in self.operations.all() if view.id in blocked]

    def _waits(self) -> str:
        waiting = self.waiting_for
        return f", waiting for {'; '.join(waiting)}" if waiting else ""

    def _open_callback(self, name: str, index: int) -> str:
        callbacks = [view for view in self._blocked() if view.type == "CALLBACK"]
        found = [view for view in callbacks if view.name in (name, f"{name} create callback id")]
        if -len(found) <= index < len(found) and found[index].callback_id:
            return found[index].callback_id or ""
        known = ", ".join(repr(_short_name(view)) for view in callbacks) or "none"
        raise LookupError(
            f"no callback named {name!r} is waited for"
            + (f" with index {index}" if index else "")
            + f"; waited for: {known}. The execution is {self.status}.\n{self.tree()}"
        )


def _short_name(view: OperationView) -> str:
    """The name by which a test answers a callback."""
    return (view.name or "").removesuffix(" create callback id")


def _waits_for(view: OperationView) -> str:
    if view.type == "CALLBACK":
        name = _short_name(view)
        return f"callback {name!r}: run.send_callback_success({name!r}, value), then run.run()"
    if view.type == "CHAINED_INVOKE":
        return f"invoke {view.name!r}"
    return f"{view.kind} {view.name!r}: run.advance(…)"


def _milliseconds(by: timedelta | int) -> int:
    seconds = by.total_seconds() if isinstance(by, timedelta) else by
    if isinstance(by, bool) or not seconds >= 0:
        raise ValidationError(f"time goes forward: advance() takes a timedelta or seconds from 0, not {by!r}")
    return round(seconds * 1000)
