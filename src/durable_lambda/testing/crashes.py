"""`explore_crashes`: the process dies at every moment at which it can make a difference, and the outcome must not.

One run tells the moments. Then there is a run for each of them, killed there; another engine takes up what was stored,
as after a real crash, and has to come to the same end. Bodies that run beside each other are tried in several orders.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from durable_lambda.errors import ValidationError
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.testing.checked import among
from durable_lambda.testing.crash_outcome import Outcome, differences, repeated
from durable_lambda.testing.crash_report import UNRECORDED, CrashReport, Difference, RepeatedEffect, advice
from durable_lambda.testing.crash_runs import Explorer
from durable_lambda.testing.crashing import Effect, Moment
from durable_lambda.testing.loops import run_blocking
from durable_lambda.testing.run import DurableRun
from durable_lambda.testing.runner import DurableTestRunner

_PROGRESS_SECONDS: Final = 2.0
_OUTSIDE: Final = (
    "no step's body ran twice, so what effects() shows is done outside of steps, or in an except or finally that a "
    "suspension passes: put it into a step"
)


class CrashDifferenceError(AssertionError):
    """A run that was killed did not end as one that was not. `difference` has the first one, `others` the rest."""

    def __init__(self, message: str, difference: Difference, others: tuple[Difference, ...]) -> None:
        super().__init__(message)
        self.difference = difference
        self.others = others


def explore_crashes(
    handler: DurableFunction | DurableTestRunner,
    event: Any = None,
    *,
    answer: Mapping[str, Any] | None = None,
    setup: Callable[[], object] | None = None,
    effects: Callable[[], Any] | None = None,
    check: Callable[[DurableRun], object] | None = None,
    once: Iterable[str] = (),
    orders: int = 3,
    seconds: float = 60.0,
    seed: int = 0,
    moment: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> CrashReport:
    """Kill the function at every moment at which a crash can lose something, and see that it ends the same.

    Compared with a run that is not killed are the status, the result or error, the operations with their outcomes,
    which bodies ran at all, and what `effects` says. A `StepInterruptedError` of an at-most-once step is an allowed
    outcome.

    Args:
        handler: The durable function, or a `DurableTestRunner` with its stubs and the functions that it invokes.
        event: Its event.
        answer: The answers to callbacks, by name: a value, an exception to fail it with, or `NO_ANSWER` to let it time
            out. They are given when the function waits for them.
        setup: Called before each run, to put the world back as it was.
        effects: Called after each run: what it gives is compared (a list of charges, a set of keys).
        check: Called with each run that has ended instead of comparing its result: it raises what is wrong.
        once: Names of steps whose body must not run twice for one attempt, unless it asks for its idempotency key.
        orders: In how many orders bodies end that run beside each other. Default 3; functions without such have one.
        seconds: Real seconds after which no further run begins. Default 60.
        seed: What is tried first, and the orders, follow from it. Default 0.
        moment: Kill at that moment alone, to repeat what was found.
        progress: Called with how many runs are done, and of how many. Default: a line on stderr every 2 seconds.

    Returns:
        What was explored, and which bodies ran twice.

    Raises:
        CrashDifferenceError: A run did not end the same. The message tells when it was killed and what differs.
        ValidationError: The function does not end even without a crash, since a callback has no answer; or `once` names
            what is no step, or there is no such `moment`.

    ```python
    def test_no_crash_makes_a_difference():
        report = explore_crashes(handler, event, answer={"approval": {"approved": True}})
        assert report.is_complete
    ```
    """
    if isinstance(once, str):
        raise ValidationError(f"once is a list of names: once=[{once!r}]")
    if orders < 1:
        raise ValidationError(f"orders must be 1 or more, not {orders!r}")
    explorer = Explorer(
        handler if isinstance(handler, DurableTestRunner) else DurableTestRunner(handler, seed=seed),
        event,
        dict(answer or {}),
        setup=setup,
        effects=effects,
        check=check,
    )
    search = _Search(explorer, tuple(once), seconds, seed, progress or _Progress().tell)
    return run_blocking(partial(search.run, orders, moment))


class _Search:
    """Goes through the moments of a function, and gathers what is found."""

    def __init__(
        self,
        explorer: Explorer,
        once: tuple[str, ...],
        seconds: float,
        seed: int,
        progress: Callable[[int, int], object],
    ) -> None:
        self._explorer = explorer
        self._once = once
        self._began = time.monotonic()
        self._ends_at = self._began + seconds
        self._seed = seed
        self._progress = progress
        self._differences: list[Difference] = []
        self._repeated: dict[str, tuple[Effect, bool, list[Moment]]] = {}
        self._interrupted: list[Moment] = []
        self._outcomes: list[Outcome] = []
        """Of the runs that were not killed, one for each order."""
        self._labels: list[str] = []
        """Of the bodies, in the order in which they run without a crash."""
        self._explored = 0
        self._moments = 0

    def run(self, orders: int, only: int | None) -> CrashReport:
        """Explore, and tell. Raises `CrashDifferenceError`."""
        plans: list[tuple[int, Outcome, list[int]]] = []
        first: Outcome | None = None
        for order in range(orders):
            rehearsal, outcome, said = self._explorer.run(0, order and self._seed * 1000 + order)
            _must_end(outcome, said)
            if first is None:
                first = outcome
                self._check_names(outcome, len(rehearsal.moments), only)
            numbers = [moment.number for moment in rehearsal.moments]
            random.Random(self._seed).shuffle(numbers)
            plans.append((order, outcome, numbers if only is None else [only]))
            if rehearsal.most_at_once < 2:
                break
        assert first is not None
        self._moments = sum(len(numbers) for _, _, numbers in plans)
        self._labels = list(dict.fromkeys(label for _, label, _ in first.ran))
        self._repeats_itself(first)
        self._outcomes = [outcome for _, outcome, _ in plans]
        for order, outcome, numbers in plans:
            for number in numbers:
                if time.monotonic() > self._ends_at:
                    break
                self._explore(number, order, outcome)
        self._raise_what_was_found()
        return CrashReport(
            function=self._explorer.runner.function_name,
            explored=self._explored,
            moments=self._moments,
            orders=len(plans),
            outcome=first.in_short,
            seconds=time.monotonic() - self._began,
            repeated=self._repeated_effects(),
            interrupted=tuple(self._interrupted),
            order_matters=self._order_matters(),
        )

    def _check_names(self, outcome: Outcome, moments: int, only: int | None) -> None:
        """Raise `ValidationError` for what would not be looked at."""
        ran = [label for _, label, _ in outcome.ran]
        steps = {name for name in (view.name for view in outcome.operations.values()) if name and _label(name) in ran}
        for name in self._once:
            if name not in steps:
                raise ValidationError(f"once has {name!r}, and no step of that name ran{among(name, steps)}")
        if only is not None and not 1 <= only <= moments:
            raise ValidationError(f"there is no moment {only}: without a crash there are 1 to {moments}")

    def _repeats_itself(self, first: Outcome) -> None:
        """Without that there is nothing to compare with."""
        _, again, _ = self._explorer.run(0, 0)
        said = differences(first, again, compare_results=self._explorer.compares_results)
        if said:
            self._differences.append(Difference(None, 0, tuple(said), again.tree))
            self._raise_what_was_found()

    def _explore(self, number: int, order: int, expected: Outcome) -> None:
        rehearsal, found, said = self._explorer.run(number, order and self._seed * 1000 + order)
        self._explored += 1
        self._progress(self._explored, self._moments)
        moment = rehearsal.killed_at
        if moment is None:
            return  # bodies on threads ended in another order, and the run had fewer moments
        said += self._differs(expected, found)
        if found.is_interrupted and not expected.is_interrupted:
            self._interrupted.append(moment)
        again = repeated(expected, found)
        if len(said) == 1 and said[0].startswith("effects() gives") and not again:
            said.append(_OUTSIDE)
        for key, label, attempt in again:
            effect = next(one for one in rehearsal.effects if (one.operation_id, one.attempt) == (key, attempt))
            is_keyed = key in rehearsal.keyed
            self._repeated.setdefault(label, (effect, is_keyed, []))[2].append(moment)
            if label in map(_label, self._once) and not is_keyed:
                said.append(f"the body of {label} ran twice, and is to run once ({effect.source})")
        if said:
            self._differences.append(Difference(moment, order, tuple(said), found.tree))

    def _differs(self, expected: Outcome, found: Outcome) -> list[str]:
        """What is otherwise than in the order expected. A crash may change the order: any of them is right then."""
        compares = self._explorer.compares_results
        said = differences(expected, found, compare_results=compares)
        if said and all(differences(other, found, compare_results=compares) for other in self._outcomes):
            return said
        return []

    def _order_matters(self) -> bool:
        return any(differences(self._outcomes[0], other) for other in self._outcomes[1:])

    def _repeated_effects(self) -> tuple[RepeatedEffect, ...]:
        order = {label: place for place, label in enumerate(self._labels)}
        found = sorted(self._repeated.items(), key=lambda item: order.get(item[0], len(order)))
        return tuple(
            RepeatedEffect(label, effect.source, is_keyed, tuple(moments))
            for label, (effect, is_keyed, moments) in found
        )

    def _raise_what_was_found(self) -> None:
        if not self._differences:
            return
        found = sorted(self._differences, key=_most_telling_first)
        first, *others = found
        lines = [f"{self._explorer.runner.function_name}, {first}"]
        if others:
            more = f"{len(others)} more moment{'s' if len(others) > 1 else ''}"
            lines.append(f"The same or something else happens at {more}, of {self._explored} explored:")
            lines += [f"  {each.moment}: {each.in_short}" for each in others[:5]]
        if any(_OUTSIDE in each.said for each in others):
            lines.append(f"At some of them {_OUTSIDE}.")
        if self._order_matters():
            lines.append(
                "Without a crash it does otherwise as well when its bodies end in another order: its operations or its "
                "result follow timing. What has an order of its own (ctx.parallel, ctx.map, or the results that "
                "asyncio.gather gives) follows none."
            )
        elif first.moment is not None and any(each.is_of_the_function for each in found):
            lines.append(UNRECORDED)
        lines += advice(self._repeated_effects())
        if first.moment is not None:
            lines.append(f"To repeat it: explore_crashes(…, moment={first.moment.number}, orders={first.order + 1})")
        else:
            lines.append(
                "The function does not do the same twice, even without a crash. Its operations follow a clock, chance, "
                "timing or the order of a set; or the world is not as it was (give setup=, which puts it back before "
                "each run); or its result may differ (give check=)."
            )
        raise CrashDifferenceError("\n".join(lines), first, tuple(others))


def _label(step: str) -> str:
    """What messages call a step."""
    return f"step {step!r}"


def _must_end(outcome: Outcome, said: list[str]) -> None:
    """Raises `ValidationError` for a function that does not end without a crash, `AssertionError` for a wrong one, and
    for one that is not deterministic."""
    if outcome.status == "RUNNING":
        raise ValidationError(
            f"the function does not end, even without a crash: it waits for {'; '.join(outcome.waiting_for)}. Give the "
            f"answers to its callbacks: explore_crashes(…, answer={{name: value}})\n{outcome.tree}"
        )
    if said:
        raise AssertionError(f"without a crash: {said[0]}\n{outcome.tree}")
    if not outcome.is_deterministic:
        raise AssertionError(f"without a crash: {outcome.error}\n{outcome.tree}")


def _most_telling_first(difference: Difference) -> tuple[bool, int, int]:
    """What the function does otherwise comes before what only its bodies have done twice."""
    return (not difference.is_of_the_function, difference.order, difference.moment.number if difference.moment else 0)


class _Progress:
    """A line on stderr now and then, for explorations that take long."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_SECONDS

    def tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PROGRESS_SECONDS
            print(f"explore_crashes: {done} of {total} moments", file=sys.stderr, flush=True)
