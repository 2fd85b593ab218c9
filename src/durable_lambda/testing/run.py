"""`DurableRun`: one execution in a test, as it stands, and what the test does to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.requests import CallbackAnswer, answer_callback, stop_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.engine.values import error_of
from durable_lambda.errors import ValidationError
from durable_lambda.payloads import encode_value
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.testing.loops import run_awaited, run_blocking
from durable_lambda.testing.view import RunView
from durable_lambda.testing.world import World

T = TypeVar("T")

RECENT: Final[deque[DurableRun]] = deque(maxlen=8)
"""The latest runs: the pytest plugin shows those of a test that failed."""


class DurableRun(RunView):
    """An execution in a test. It stands still: a function that is blocked goes on when the test says so.

    Made by `DurableTestRunner.run` and `start`. What it tells is how the execution stands now.
    """

    def __init__(self, world: World, row: ExecutionRow, check: Callable[[DurableRun], None]) -> None:
        super().__init__(row.function, row.name)
        self._world = world
        self._row = row
        self._check = check

    @property
    def ended(self) -> ExecutionEnded | None:
        return self._world.ended(self._row)

    @property
    def history(self) -> list[Event]:
        return self._world.history(self._row)

    @property
    def wire_operations(self) -> list[Operation]:
        return list(self._state.operations.values())

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self._world.clock.now() / 1000, UTC)

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        return self._state.arn

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
        callback_id = self.open_callback_id(name, index)
        self._change(lambda host: answer_callback(host, answer(callback_id)))

    def _change(self, action: Callable[[Host], T]) -> T:
        self._world.check_outside()
        return run_blocking(lambda: self._world.change(action))

    @property
    def _state(self) -> ExecutionState:
        return self._world.state(self._row)


def _milliseconds(by: timedelta | int) -> int:
    seconds = by.total_seconds() if isinstance(by, timedelta) else by
    if isinstance(by, bool) or not seconds >= 0:
        raise ValidationError(f"time goes forward: advance() takes a timedelta or seconds from 0, not {by!r}")
    return round(seconds * 1000)
