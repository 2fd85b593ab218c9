"""Who waits for the end of an execution, and what they are told: how it ended, or that nothing goes on by itself.

The latter when its code does not fit its history, or that of an execution which it has invoked and waits for. Such an
execution is paused until mended code is registered, by nobody's request, and who waits would not learn of it otherwise.
Whoever pauses an execution on purpose also resumes it: for that one waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import NamedTuple

from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.outcome import paused_error


class Waiter(NamedTuple):
    """Whom to tell. One that is patient is told of the end only."""

    told: Future[ExecutionEnded]
    is_patient: bool


class Waiters:
    """Used on the engine's loop.

    Args:
        live: executions that have not ended, by id.
    """

    def __init__(self, live: Mapping[str, Hosted]) -> None:
        self._live = live
        self._waiting: dict[str, list[Waiter]] = {}
        """By an execution's id."""

    def add(self, hosted: Hosted, told: Future[ExecutionEnded], *, is_patient: bool = False) -> None:
        """Set `told` when an execution has ended; unless it is patient, to an error when the execution cannot go on."""
        waiting = [each for each in self._waiting.get(hosted.row.id, ()) if not each.told.done()]
        self._waiting[hosted.row.id] = [*waiting, Waiter(told, is_patient)]
        self.look(hosted)

    def on_end(self, hosted: Hosted) -> None:
        """An execution has ended."""
        end = hosted.state.ended
        assert end is not None
        for waiter in self._waiting.pop(hosted.row.id, ()):
            if waiter.told.set_running_or_notify_cancel():
                waiter.told.set_result(end)

    def are_told_of(self, hosted: Hosted) -> bool:
        """Whether there is somebody who is told when an execution cannot go on."""
        return any(
            not waiter.is_patient and not waiter.told.done()
            for each in self._lineage(hosted)
            for waiter in self._waiting.get(each.row.id, ())
        )

    def look(self, hosted: Hosted) -> None:
        """See whether an execution cannot go on, and who waits for it, or for one that waits for it."""
        for each in self._lineage(hosted):
            stopped = self._stopped(each)
            if stopped is None:
                return
            for waiter in self._waiting.pop(each.row.id, ()):
                if waiter.is_patient:
                    self._waiting.setdefault(each.row.id, []).append(waiter)
                elif waiter.told.set_running_or_notify_cancel():
                    waiter.told.set_exception(paused_error(each.state, stopped.state))

    def _lineage(self, hosted: Hosted) -> Iterator[Hosted]:
        """An execution, the one that has invoked it, and so on."""
        current: Hosted | None = hosted
        while current is not None:
            yield current
            origin = current.state.started.origin
            current = None if origin is None else self._live.get(origin.execution)

    def _stopped(self, hosted: Hosted) -> Hosted | None:
        """The execution whose code has to be mended before another one goes on: itself, or one that it has invoked."""
        state = hosted.state
        if state.invocation is not None or hosted.is_dirty:
            return None
        if state.pause is not None and state.pause.is_mismatch and state.paused_at is not None:
            return hosted
        children = (self._live.get(invoke.child) for invoke in state.invokes.values() if invoke.child is not None)
        return next((found for child in children if child and (found := self._stopped(child)) is not None), None)
