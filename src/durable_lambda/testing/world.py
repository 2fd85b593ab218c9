"""One execution's world: an engine without a thread and without a disk, on a clock of its own.

It is the engine's own host, with its machine, invoker and timers; only the store (lists), the clock (virtual) and who
drives the loop (the caller, until nothing goes on by itself) are the test's. Nothing of the engine's logic is repeated
here, so what is recorded is what an engine records.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from random import Random
from typing import TypeVar

from durable_lambda.engine.host import Host
from durable_lambda.engine.invoker import Registration
from durable_lambda.engine.machine.due import next_due
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.log import history_of, recover
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.memory import MemoryStore
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.engine.requests import start_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.errors import ValidationError
from durable_lambda.operations.parallel import ParallelBranch
from durable_lambda.operations.race import TIMER
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import Operation
from durable_lambda.retry import seed_jitter
from durable_lambda.runtime.rehearsal import REHEARSAL, Rehearsal
from durable_lambda.testing.clock import VirtualClock
from durable_lambda.testing.loops import VirtualLoop, kept_loop

T = TypeVar("T")


class World:
    """Args:
    functions: what can be started and invoked.
    clock: the time.
    seed: ids and jitter follow from it.
    rehearsal: what is done to the invocations.
    loop: where they run; the kept one of this thread by default.
    """

    def __init__(
        self,
        functions: list[Registration | PlainFunction],
        clock: VirtualClock,
        *,
        limits: Limits,
        seed: int,
        rehearsal: Rehearsal,
        loop: VirtualLoop | None = None,
        strict_qualifiers: bool = False,
    ) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self._functions = functions
        self._limits = limits
        self._rehearsal = rehearsal
        self._strict_qualifiers = strict_qualifiers
        self._random = Random(seed)
        seed_jitter(seed)
        self.loop = kept_loop() if loop is None else loop
        self.loop.bystanders = frozenset(threading.enumerate())
        self.host = self._open()

    def _open(self) -> Host:
        host = Host(
            self.store,
            self.clock,
            self._limits,
            self.loop,
            self._random.randbytes,
            strict_qualifiers=self._strict_qualifiers,
        )
        host.context.run(REHEARSAL.set, self._rehearsal)
        for function in self._functions:
            if isinstance(function, PlainFunction):
                host.register_plain(function)
            else:
                host.register(function)
        self.clock.is_idle = lambda: host.is_idle
        self.clock.goes_on = lambda: any(_goes_on(hosted.state) for hosted in host.live.values())
        return host

    def reopen(self, loop: VirtualLoop) -> None:
        """Begin anew after a crash: another engine on another loop finds what was stored.

        The one that was before keeps its own store, so whatever is left of it changes nothing here.
        """
        self.loop = loop
        self.store = self.store.copy()
        self.host = self._open()
        self.host.recover()

    def begin(self, function: str, payload: str, execution_name: str | None) -> ExecutionRow:
        """Start an execution; nothing of it runs yet."""
        return self.change(lambda host: start_execution(host, function, payload, execution_name))

    def change(self, action: Callable[[Host], T]) -> T:
        """Change something from outside; what follows from it, follows in `settle`."""
        with self._alone():
            return action(self.host)

    def settle(self) -> None:
        """Run until nothing goes on by itself."""
        host = self.host
        with self._alone():
            if host.is_idle:
                host.timers.look()
                if not host.timers.is_armed:
                    return
            self.loop.on_jump = self.clock.pass_
            host.on_quiet = self.loop.stop
            try:
                self.loop.run_forever()
            except BaseException:
                self.loop.is_abandoned = True
                raise
            finally:
                host.on_quiet = _nothing

    def advance(self, milliseconds: int) -> None:
        """Let time pass: everything that is due until then happens at its moment."""
        self.settle()
        self.clock.horizon = target = self.clock.now() + milliseconds
        self.settle()
        self.clock.move_to(target)
        self.settle()

    def advance_to_next(self) -> None:
        """Let time pass until something is due, if anything will be."""
        self.settle()
        moments = [next_due(hosted.state, hosted.state.resume_at) for hosted in self.host.live.values()]
        self.clock.horizon = min((moment for moment in moments if moment is not None), default=self.clock.now())
        self.settle()

    def state(self, row: ExecutionRow) -> ExecutionState:
        """An execution as it stands."""
        hosted = self.host.live.get(row.id)
        return hosted.state if hosted is not None else recover(self.store.log(row.key), self._random.randbytes)

    def ended(self, row: ExecutionRow) -> ExecutionEnded | None:
        """How an execution ended, without folding all of its log."""
        return None if row.id in self.host.live else self.store.end(row.key)

    def history(self, row: ExecutionRow) -> list[Event]:
        """What an engine would tell of it."""
        return history_of(self.store.log(row.key))

    def check_outside(self) -> None:
        """Raise `ValidationError` for code that the loop runs: it would wait for itself."""
        if REHEARSAL.get() is not None and self.loop.is_running():
            raise ValidationError(
                "a run cannot be driven by a function that is being run: call it from the test, or make a new "
                "DurableTestRunner in the step"
            )

    @contextlib.contextmanager
    def _alone(self) -> Generator[None, None, None]:
        """Nobody else runs the loop meanwhile."""
        with self.loop.lock:
            yield


def _goes_on(state: ExecutionState) -> bool:
    """Whether more than a time-out is waited for: the timer of `ctx.timeout` is none that a test would skip."""
    if state.resume_at is not None:
        return True
    blocked = [state.operations[key] for key in state.blocked]
    return any(
        operation.type == "STEP" or (operation.type == "WAIT" and not _is_timer(operation, state))
        for operation in blocked
    )


def _is_timer(operation: Operation, state: ExecutionState) -> bool:
    branch = state.operations.get(operation.parent_id or "")
    return branch is not None and branch.sub_type == ParallelBranch.sub_type and branch.name == TIMER


def _nothing() -> None:
    """What is changed between two runs is told to nobody."""
