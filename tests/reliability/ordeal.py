"""Executions whose process is killed again and again, and what must hold after each death.

Three things can go wrong, and they are counted apart: something that was acknowledged is *lost*, an execution is
*stuck*, or a step whose success is stored, or an at-most-once attempt, is *repeated*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable_lambda.protocol.events import StepFailedDetails
from reliability.aftermath import Aftermath, Remains, look, wire
from reliability.boundaries import Boundary
from reliability.fork_server import Death, ForkServer
from reliability.orders import effects_of, receipt_of
from reliability.payments import STEPS
from reliability.served_victim import ServedVictim

INTERRUPTED = "durable_lambda.errors.StepInterruptedError"


@dataclass(frozen=True)
class Kill:
    """When a process is to die: at the n-th boundary of a kind, or after so many seconds."""

    at: Boundary | None = None
    number: int = 0
    after: float | None = None
    of_worker: bool = False
    """Not the process itself, but one of its workers."""

    def __str__(self) -> str:
        who = "worker " if self.of_worker else ""
        return f"{who}after {self.after:.4f} s" if self.after is not None else f"{self.at} {self.number}"


class Ordeal:
    """`live` runs a process and kills it, `finish` lets one run to the end. `problems` is empty if all is well."""

    def __init__(
        self,
        server: ForkServer | ServedVictim,
        folder: Path,
        *,
        orders: Sequence[dict[str, Any]] = (),
        payments: Sequence[str] = (),
        real_time: bool = False,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.orders = orders
        self.payments = payments
        self.kills: list[Kill] = []
        self.problems: list[tuple[str, str]] = []
        """What went wrong: `lost`, `stuck` or `repeated`, and how."""
        self.aftermath = Aftermath("ok", {})
        self._server = server
        self._job = {
            "folder": str(folder),
            "orders": list(orders),
            "payments": list(payments),
            "real_time": real_time,
        }
        self._owner = {line: (each["order_id"], step) for each in orders for step, line in effects_of(each).items()}
        self._effects: list[str] = []
        self._begun: dict[tuple[str, str], set[int]] = {}
        """Attempts at payments that a kill must have interrupted, by execution and step."""

    @property
    def story(self) -> str:
        """The kills so far, to repeat them by."""
        return ", ".join(map(str, self.kills)) or "no kill"

    def live(self, kill: Kill) -> Death:
        """A process that dies so, unless it is done before."""
        self.kills.append(kill)
        job = self._job if kill.at is None else {**self._job, "kill": [kill.at, kill.number]}
        job = {**job, "kill_worker": True} if kill.of_worker else job
        death = self._server.run(job, kill_after=kill.after)
        self._examine(death)
        return death

    def until_asked(self) -> Death:
        """A process that leaves when every order waits for its approval."""
        death = self._server.run({**self._job, "until_asked": True})
        self._examine(death)
        return death

    def finish(self) -> Death:
        """A process that may run to its end; then everything must be as if nothing had happened."""
        death = self._server.run(self._job)
        self._examine(death)
        for order in self.orders:
            self._check_order(order)
        for name in self.payments:
            self._check_payment(name)
        return death

    def _complain(self, kind: str, what: str) -> None:
        self.problems.append((kind, f"{what} [{self.story}; {self.folder}]"))

    def _examine(self, death: Death) -> None:
        before, self.aftermath = self.aftermath, look(self.folder / "orders.db")
        if death.how == "stuck":
            self._complain("stuck", f"not done after {death.seconds:.0f} s")
        elif death.how == "ended" and death.code != 0:
            self._complain("stuck", f"the process ended with {death.code}")
        if self.aftermath.integrity != "ok":
            self._complain("lost", f"integrity_check: {self.aftermath.integrity}")
        for name, remains in before.executions.items():
            self._check_prefix(name, remains)
        self._check_told()
        effects = self._lines("effects")
        new = effects[len(self._effects) :]
        self._effects = effects
        self._check_effects(new, before)
        self._check_attempts(new, before)

    def _check_prefix(self, name: str, before: Remains) -> None:
        now = self.aftermath.executions.get(name)
        history = [] if now is None else list(map(wire, now.history))
        if history[: len(before.history)] != list(map(wire, before.history)):
            self._complain("lost", f"the history of {name} no longer begins as it did")
        elif now is not None and [event.event_id for event in now.history] != list(range(1, len(history) + 1)):
            self._complain("lost", f"the events of {name} are not numbered 1, 2, 3, …")

    def _check_told(self) -> None:
        """What a function was told is stored, is stored."""
        stored = Counter(
            f"{name} {event.id} {event.event_type}"
            for name, remains in self.aftermath.executions.items()
            for event in remains.history
        )
        for line in (Counter(self._lines("told")) - stored).elements():
            self._complain("lost", f"acknowledged and not there: {line}")

    def _check_effects(self, new: list[str], before: Aftermath) -> None:
        """In one life a step has its effect once, and not at all if its success was stored before."""
        for line, count in Counter(line for line in new if line in self._owner).items():
            name, step = self._owner[line]
            if count > 1:
                self._complain("repeated", f"{count} times in one process: {line}")
            elif name in before.executions and step in before.executions[name].succeeded_steps:
                self._complain("repeated", f"again, although its success was stored: {line}")

    def _check_attempts(self, new: list[str], before: Aftermath) -> None:
        """No attempt of a payment begins twice, nor after its outcome is stored."""
        for line in new:
            if line in self._owner:
                continue
            name, step, number = line.split()
            attempt = int(number)
            begun = self._begun.setdefault((name, step), set())
            if attempt in begun:
                self._complain("repeated", f"begun twice: {line}")
            elif name in before.executions and (step, attempt) in before.executions[name].ended_attempts:
                self._complain("repeated", f"begun after it had ended: {line}")
            begun.add(attempt)

    def _check_order(self, order: dict[str, Any]) -> None:
        remains = self.aftermath.executions.get(order["order_id"])
        if remains is None or remains.status == "RUNNING":
            self._complain("stuck", f"{order['order_id']} has not ended")
        elif remains.result != receipt_of(order):
            self._complain("lost", f"{order['order_id']} ended as {remains.status} with {remains.result}")
        for effect in set(effects_of(order).values()).difference(self._effects):
            self._complain("lost", f"never happened: {effect}")

    def _check_payment(self, name: str) -> None:
        remains = self.aftermath.executions.get(name)
        if remains is None or remains.status == "RUNNING":
            self._complain("stuck", f"{name} has not ended")
            return
        interrupted = interruptions(remains)
        last = {step: number for step, number in interrupted if (step, number + 1) not in remains.ended_attempts}
        expected = {step: "interrupted" if step in last else "paid" for step in STEPS}
        if remains.result != expected:
            self._complain("lost", f"{name} ended as {remains.status} with {remains.result}, not {expected}")
        for step in STEPS:
            unaccounted = {(step, number) for number in self._begun.get((name, step), set())} - remains.ended_attempts
            if unaccounted:
                self._complain("lost", f"{name} has attempts that began and have no outcome: {unaccounted}")
        if len(interrupted) > len(self.kills) * 2:  # at most two bodies run at a time
            self._complain("lost", f"{name} was interrupted more often than killed: {interrupted}")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def interruptions(remains: Remains) -> set[tuple[str, int]]:
    """The attempts that ended as interrupted, by step and number."""
    return {
        (str(event.name), event.details.retry_details.current_attempt)
        for event in remains.history
        if isinstance(event.details, StepFailedDetails)
        and event.details.error.payload is not None
        and event.details.error.payload.error_type == INTERRUPTED
    }
