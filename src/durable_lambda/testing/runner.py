"""`DurableTestRunner`: runs a durable function in a test, in virtual time, with nothing to set up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from durable_lambda.engine.invoker import Registration
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.targets import Targets, resolve
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.engine.values import check_name, check_no_class, name_of, seconds_of
from durable_lambda.errors import ValidationError
from durable_lambda.payloads import encode_value
from durable_lambda.protocol import limits as bounds
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.testing.clock import DEFAULT_START, VirtualClock, milliseconds
from durable_lambda.testing.crash_report import UNRECORDED
from durable_lambda.testing.loops import VirtualLoop, run_awaited, run_blocking
from durable_lambda.testing.rehearsals import RunnerRehearsal
from durable_lambda.testing.replaying import replay
from durable_lambda.testing.run import RECENT, DurableRun
from durable_lambda.testing.settings import SETTINGS
from durable_lambda.testing.stubs import Stub, unused
from durable_lambda.testing.world import World

R = TypeVar("R", bound=RunnerRehearsal)

DAY = 86_400


class DurableTestRunner:
    """Runs a durable function in a test: in this thread, in virtual time, without a server, a file or an account.

    A run goes on until it has ended or waits for what only the test can give, such as the answer to a callback. Waits
    and retry delays pass at once; so does `asyncio.sleep` in a step. Each run begins in a world of its own, at `start`,
    and with the same ids and jitter every time.

    ```python
    def test_an_order_is_charged():
        run = DurableTestRunner(process_order).run({"order_id": "order-42"})
        assert run.status == "SUCCEEDED"
        assert run.operation("charge").attempts == 1
    ```

    Args:
        handler: The function under test. It may be left out and registered later.
        name: What it is called; its own name by default.
        start: When a run begins, and what `ctx.now()` tells first. Default: 2025-01-01 00:00 UTC.
        seed: Ids and the jitter of retries follow from it. Default 0.
        always_replay: Suspend and replay at every operation. Default: what the marker `durable(always_replay=…)` or the
            environment variable `DURABLE_ALWAYS_REPLAY` say, otherwise not.
        skip_time: Whether waits and retries pass at once; if not, only `run.advance` lets time pass. Default: yes.
        execution_timeout: For a whole execution, 1 s to 366 days (the default).
        invocation_timeout: For one invocation, 1 s to 900 s (the default), in virtual time.
        limits: The service's by default.
        strict_qualifiers: As for `Engine`: whether `ctx.invoke` of a durable function needs a qualifier. Default: no.
    """

    def __init__(
        self,
        handler: DurableFunction | None = None,
        *,
        name: str | None = None,
        start: datetime = DEFAULT_START,
        seed: int = 0,
        always_replay: bool | None = None,
        skip_time: bool = True,
        execution_timeout: int | timedelta = bounds.MAX_EXECUTION_TIMEOUT_SECONDS,
        invocation_timeout: int | timedelta = bounds.MAX_INVOCATION_TIMEOUT_SECONDS,
        limits: Limits | None = None,
        strict_qualifiers: bool = False,
    ) -> None:
        self._start = milliseconds(start)
        self._seed = seed
        self._always_replay = always_replay
        self._skip_time = skip_time
        self._limits = limits or Limits()
        self._strict_qualifiers = strict_qualifiers
        self._functions: dict[str, Registration | PlainFunction] = {}
        self._steps: dict[str, Stub] = {}
        self._invokes: dict[str, Stub] = {}
        self._main: str | None = None
        if handler is not None:
            self.register(handler, name, execution_timeout=execution_timeout, invocation_timeout=invocation_timeout)

    def register(
        self,
        function: DurableFunction | Callable[[Any, Any], Any],
        name: str | None = None,
        *,
        execution_timeout: int | timedelta = bounds.MAX_EXECUTION_TIMEOUT_SECONDS,
        invocation_timeout: int | timedelta = bounds.MAX_INVOCATION_TIMEOUT_SECONDS,
    ) -> DurableTestRunner:
        """Add a function that others invoke, durable or `fn(event, context)`. The first durable one is under test.

        Returns the runner. Raises `ValidationError` as `Engine.register` does.
        """
        check_no_class(function)
        known_as = check_name("function name", name_of(function) if name is None else name)
        seconds = seconds_of("invocation_timeout", invocation_timeout, 1, bounds.MAX_INVOCATION_TIMEOUT_SECONDS)
        whole = seconds_of("execution_timeout", execution_timeout, 1, bounds.MAX_EXECUTION_TIMEOUT_SECONDS)
        if isinstance(function, DurableFunction):
            self._functions[known_as] = Registration(
                known_as, function, whole, seconds, bounds.DEFAULT_RETENTION_DAYS * DAY * 1000
            )
            self._main = self._main or known_as
        elif callable(function):
            self._functions[known_as] = PlainFunction(known_as, function, seconds)
        else:
            raise ValidationError(f"a test runner runs durable functions, not {function!r}: @durable_execution")
        return self

    def stub_step(self, name: str, *outcomes: Any, optional: bool = False) -> DurableTestRunner:
        """Let steps of a name have outcomes without running their bodies; everything else of them stays as it is.

        Args:
            name: The step's name, wherever it is called. `"<name> submitter"` is that of a `wait_for_callback`.
            *outcomes: A value, an exception to raise, or a callable that gets the body's arguments. Several follow one
                another, attempt by attempt, and the last one stays.
            optional: Whether it is right that the step is never called. Otherwise a run that succeeds without calling
                it raises `AssertionError`, since the name is probably wrong.

        Returns the runner.

        ```python
        runner.stub_step("charge", PaymentUnavailable("no answer"), Payment("pay-1"))
        ```
        """
        self._steps[name] = Stub("step", name, _checked(outcomes, "stub_step", name), optional=optional)
        return self

    def stub_invoke(self, function_name: str, *outcomes: Any, optional: bool = False) -> DurableTestRunner:
        """Let a function that is invoked have outcomes; as `stub_step`, and a callable gets the payload.

        Args:
            function_name: What `ctx.invoke` names, with or without a qualifier.
            *outcomes: As for `stub_step`; an exception makes the invoke fail.
            optional: As for `stub_step`.

        Returns the runner.
        """
        name = resolve(function_name, Targets(plain=_Everything()))
        self._invokes[str(name)] = Stub(
            "invoke", str(name), _checked(outcomes, "stub_invoke", function_name), optional=optional
        )
        return self

    def run(self, event: Any = None, *, execution_name: str | None = None) -> DurableRun:
        """Run the function until it has ended, or waits for an answer that the test has to give.

        Args:
            event: Anything that JSON can say.
            execution_name: The execution's name; by default its id.

        Raises:
            AssertionError: A stub was never called although the run succeeded.
            SerializationError: The event is no JSON.
        """
        return run_blocking(lambda: self._begin(event, execution_name)).run()

    async def arun(self, event: Any = None, *, execution_name: str | None = None) -> DurableRun:
        """`run`, to be awaited; the caller's loop goes on meanwhile."""
        return await (await run_awaited(lambda: self._begin(event, execution_name))).arun()

    def start(self, event: Any = None, *, execution_name: str | None = None) -> DurableRun:
        """The same as `run`, by the name that reads well where the test goes on: answers, lets time pass, runs on."""
        return self.run(event, execution_name=execution_name)

    async def astart(self, event: Any = None, *, execution_name: str | None = None) -> DurableRun:
        """`start`, to be awaited."""
        return await self.arun(event, execution_name=execution_name)

    @property
    def function_name(self) -> str:
        """What the function under test is called."""
        return self._main or ""

    def stub_calls(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of a stub, in the latest run."""
        for stubs in (self._steps, self._invokes):
            if name in stubs:
                return stubs[name].calls
        raise LookupError(f"there is no stub {name!r}")

    def _begin(self, event: Any, execution_name: str | None) -> DurableRun:
        world, row, rehearsal = self.stage(event, execution_name, RunnerRehearsal)
        run = DurableRun(world, row, lambda run: self._check(run, rehearsal))
        RECENT.append(run)
        return run

    def stage(
        self,
        event: Any,
        execution_name: str | None,
        make_rehearsal: Callable[..., R],
        *,
        loop: VirtualLoop | None = None,
    ) -> tuple[World, ExecutionRow, R]:
        """A new world in which the execution has begun, and nothing of it has run. For this package's own tools."""
        if self._main is None:
            plain = "".join(
                f"; {name!r} is a plain function, @durable_execution is missing" for name in self._functions
            )
            raise ValidationError(f"nothing to run: DurableTestRunner(handler), or runner.register(handler){plain}")
        payload = encode_value("event", event)
        clock = VirtualClock(self._start, skips=self._skip_time)
        replays = SETTINGS.replays_always() if self._always_replay is None else self._always_replay
        rehearsal = make_rehearsal(clock.now, always_replay=replays)
        self._steps = {name: stub.again() for name, stub in self._steps.items()}
        self._invokes = {name: stub.again() for name, stub in self._invokes.items()}
        rehearsal.stubs = self._steps
        world = World(
            self._hosted(rehearsal),
            clock,
            limits=self._limits,
            seed=self._seed,
            rehearsal=rehearsal,
            loop=loop,
            strict_qualifiers=self._strict_qualifiers,
        )
        return world, world.begin(self._main, payload, execution_name), rehearsal

    def _hosted(self, rehearsal: RunnerRehearsal) -> list[Registration | PlainFunction]:
        functions = dict(self._functions)
        for name, stub in self._invokes.items():
            functions[name] = PlainFunction(name, _invoked(stub), bounds.MAX_INVOCATION_TIMEOUT_SECONDS)
        return [
            function
            if isinstance(function, PlainFunction)
            else dataclasses.replace(function, function=rehearsal.function(function.function))
            for function in functions.values()
        ]

    def _check(self, run: DurableRun, rehearsal: RunnerRehearsal) -> None:
        """Raise `AssertionError` for what is wrong with a run that has succeeded."""
        if run.status == "SUCCEEDED":
            self._check_stubs(run, rehearsal)
            if rehearsal.replays_always:
                self._check_replay(run)

    def _check_replay(self, run: DurableRun) -> None:
        """Raise `AssertionError` unless the function comes to the same from its whole history."""
        function = self._functions[self.function_name]
        assert isinstance(function, Registration)
        report = replay(function.function, run.history)
        if not report.ok:
            raise AssertionError(f"replayed once more, from its whole history, {report}\n{UNRECORDED}\n{run.tree()}")

    def _check_stubs(self, run: DurableRun, rehearsal: RunnerRehearsal) -> None:
        if not (self._steps or self._invokes):
            return
        invoked = [
            getattr(event.details, "function_name", "")
            for event in run.history
            if event.event_type == "ChainedInvokeStarted"
        ]
        said = unused([*self._steps.values(), *self._invokes.values()], {"step": rehearsal.steps, "invoke": invoked})
        if said:
            raise AssertionError(f"{said}\n{run.tree()}")


class _Everything:
    """A container of every name."""

    def __contains__(self, _: object) -> bool:
        return True


def _invoked(stub: Stub) -> Callable[[Any, Any], Any]:
    async def stub_of_a_function(event: Any, _: Any) -> Any:
        return await stub.aoutcome(event)

    return stub_of_a_function


def _checked(outcomes: tuple[Any, ...], method: str, name: str) -> tuple[Any, ...]:
    if not outcomes:
        raise ValidationError(f"{method}({name!r}, …) needs an outcome: a value, an exception or a callable")
    return outcomes
