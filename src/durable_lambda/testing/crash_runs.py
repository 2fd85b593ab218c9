"""Single runs of an exploration: one world each, killed at a moment or not, and driven to its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from durable_lambda.testing.aftermath import clear_away
from durable_lambda.testing.crash_outcome import Outcome, outcome_of
from durable_lambda.testing.crashing import CrashRehearsal
from durable_lambda.testing.loops import VirtualLoop
from durable_lambda.testing.run import DurableRun
from durable_lambda.testing.runner import DurableTestRunner

THREAD_SECONDS: Final = 10.0
"""How long a body on a thread is waited for when its process was killed."""


class NoAnswer:
    """The answer to a callback that never comes: time passes until it times out."""

    def __repr__(self) -> str:
        return "NO_ANSWER"


NO_ANSWER: Final = NoAnswer()


class Explorer:
    """Makes runs: one world each, killed at a moment or not."""

    def __init__(
        self,
        runner: DurableTestRunner,
        event: Any,
        answer: dict[str, Any],
        *,
        setup: Callable[[], object] | None,
        effects: Callable[[], Any] | None,
        check: Callable[[DurableRun], object] | None,
    ) -> None:
        self.runner = runner
        self._event = event
        self._answer = answer
        self._setup = setup
        self._effects = effects
        self._check = check
        self.compares_results = check is None

    def run(self, target: int, order: int) -> tuple[CrashRehearsal, Outcome, list[str]]:
        """One run to its end: what happened, what it came to, and what `check` says."""
        if self._setup is not None:
            self._setup()
        loop = VirtualLoop()
        world, row, rehearsal = self.runner.stage(
            self._event, None, partial(CrashRehearsal, target=target, order=order), loop=loop
        )
        killed = world.host
        rehearsal.loop = loop
        run = DurableRun(world, row, lambda _: None)
        try:
            self._drive(run, rehearsal)
            if rehearsal.killed_at is not None:
                rehearsal.wait_for_threads(THREAD_SECONDS)
                loop = VirtualLoop()
                rehearsal.loop = loop
                world.reopen(loop)
                self._drive(run, rehearsal)
            world_after = self._effects() if self._effects is not None else None
            outcome = outcome_of(run, rehearsal.effects, world_after)
            return rehearsal, outcome, self._checked(run, outcome)
        finally:
            rehearsal.loop = None
            for host in {killed, world.host}:
                clear_away(host)

    def _drive(self, run: DurableRun, rehearsal: CrashRehearsal) -> None:
        """Let it run, and give the answers that it waits for, until it has ended, died, or cannot go on."""
        run.run()
        while rehearsal.loop is not None:  # it lives
            answers = [name for name in run.open_callbacks if name in self._answer]
            if not answers:
                return
            waits = [name for name in answers if isinstance(self._answer[name], NoAnswer)]
            for name in answers:
                value = self._answer[name]
                if isinstance(value, BaseException):
                    run.send_callback_failure(name, value)
                elif name not in waits:
                    run.send_callback_success(name, value)
            if len(waits) == len(answers):
                run.advance_to_next()
            else:
                run.run()

    def _checked(self, run: DurableRun, outcome: Outcome) -> list[str]:
        if self._check is None or outcome.is_interrupted:
            return []
        try:
            self._check(run)
        except Exception as error:
            return [f"check() raised {type(error).__name__}: {error}"]
        return []
