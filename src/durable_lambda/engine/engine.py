"""`Engine`: the embedded engine as a program sees it, from any thread.

It has a thread of its own with one event loop, on which everything happens; the methods here hand over and wait. Each
that blocks has an async twin with an `a` before its name. A durable function runs on that loop too, so inside one only
the twins may be used: a blocking call there would wait for itself, and is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, TypeAlias

from durable_lambda.engine.clock import Clock, RealClock
from durable_lambda.engine.execution import Execution
from durable_lambda.engine.host import Host
from durable_lambda.engine.invoker import Registration
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.queued import EventConfig
from durable_lambda.engine.plain import PlainFunction
from durable_lambda.engine.requests import CallbackAnswer, answer_callback, find_execution, start_execution
from durable_lambda.engine.thread import EngineThread
from durable_lambda.engine.values import check_name, check_no_class, error_of, name_of, seconds_of
from durable_lambda.errors import ValidationError
from durable_lambda.payloads import encode_value
from durable_lambda.protocol import limits as bounds
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus

DAY = 86_400

OnMismatch: TypeAlias = Literal["pause", "fail"]


class Engine:
    """Runs durable functions in this process, with their progress in one SQLite file.

    Executions that the file has and that have not ended go on when their function is registered. Leaving the context
    (or `close`) cancels what runs; it goes on where it stood when the file is opened again.

    ```python
    with Engine("orders.db") as engine:
        engine.register(handler, name="orders")
        receipt = engine.start("orders", {"id": 42}, execution_name="order-42").result(timeout=30)
    ```

    Args:
        path: the database, created if it does not exist; `":memory:"` for one that ends with the engine.
        clock: the system's time by default; `SkippingClock` and `ManualClock` for tests.
        limits: the service's by default.
        strict_qualifiers: whether `ctx.invoke` of a durable function fails without a qualifier (`"payments:$LATEST"`),
            as it does on the service. Default: the name alone is enough, since an engine has one version of a function.
        any_account: whether functions may be named by an ARN of whatever account and Region; the engine's own are
            000000000000 and us-east-1. Default: another account's name is refused, as the service refuses it.
        on_mismatch: what becomes of an execution whose function has changed, so that its code does not fit the history.
            `"pause"` (the default): it is paused, with the difference as the reason, and who waits for it is told by
            `ExecutionPausedError`; it goes on when mended code is registered, in this engine or the next one on the
            file, or when it is resumed. `"fail"`: it fails, as on the service.

    Raises `ValidationError` for another `on_mismatch`. On entering, or on the first use, it raises `StoreError` if the
    file cannot be used, or belongs to another engine.
    """

    def __init__(
        self,
        path: str | PathLike[str] = ":memory:",
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        strict_qualifiers: bool = False,
        any_account: bool = False,
        on_mismatch: OnMismatch = "pause",
    ) -> None:
        if on_mismatch not in ("pause", "fail"):
            raise ValidationError(f"on_mismatch must be 'pause' or 'fail', not {on_mismatch!r}")
        self._thread = EngineThread(
            fspath(path),
            clock or RealClock(),
            replace(limits or Limits(), pauses_on_mismatch=on_mismatch == "pause"),
            strict_qualifiers=strict_qualifiers,
            any_account=any_account,
        )

    def __enter__(self) -> Engine:
        self._thread.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Engine:
        await asyncio.to_thread(self._thread.open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def close(self) -> None:
        """Cancel what runs, leave it resumable, and end the thread. Does nothing the second time."""
        self._thread.close()

    async def aclose(self) -> None:
        """`close`, without blocking the caller's loop."""
        await asyncio.to_thread(self._thread.close)

    @property
    def thread(self) -> EngineThread:
        """Where it lives: for the servers of this package."""
        return self._thread

    def register(
        self,
        function: DurableFunction | Callable[[Any, Any], Any],
        name: str | None = None,
        *,
        execution_timeout: int | timedelta = bounds.MAX_EXECUTION_TIMEOUT_SECONDS,
        invocation_timeout: int | timedelta = bounds.MAX_INVOCATION_TIMEOUT_SECONDS,
        retention: int | timedelta = bounds.DEFAULT_RETENTION_DAYS * DAY,
        event_retries: int = bounds.MAX_EVENT_RETRIES,
        max_event_age: int | timedelta = bounds.MAX_EVENT_AGE_SECONDS,
    ) -> None:
        """Host a function. Its executions that have not ended go on.

        A durable function can be started, and invoked by the others (`ctx.invoke`). A callable that is not durable,
        `fn(event, context)`, can only be invoked: a `def` runs on a thread, an `async def` on the engine's loop. It has
        no history; if the engine dies in the middle of it, it is called again, if an execution waits for it or it was
        invoked asynchronously.

        Args:
            function: a handler, or whatever has `name` and `invoke` as `DurableFunction` says; or a plain callable.
            name: what executions are started by; the function's own by default. Letters, digits, `-`, `_`, at most 64.
            execution_timeout: for a whole execution, from its start: 1 s to 366 days (the default).
            invocation_timeout: for one invocation, 1 s to 900 s (the default); then it is cancelled and, if the
                function is durable, tried again.
            retention: how long an ended execution is kept, 1 to 90 days; 14 days by default.
            event_retries: how often a function that is not durable is called again when it fails with an event that
                nobody waits for, a minute after the first attempt and two after the second: 0 to 2 times (the default).
            max_event_age: for how long it may be called with such an event, 60 s to 6 hours (the default).

        Raises `ValidationError` for a name or a duration outside these bounds, and for what cannot be called.
        """
        check_no_class(function)
        known_as = check_name("function name", name_of(function) if name is None else name)
        seconds = seconds_of("invocation_timeout", invocation_timeout, 1, bounds.MAX_INVOCATION_TIMEOUT_SECONDS)
        whole = seconds_of("execution_timeout", execution_timeout, 1, bounds.MAX_EXECUTION_TIMEOUT_SECONDS)
        if isinstance(event_retries, bool) or event_retries not in range(bounds.MAX_EVENT_RETRIES + 1):
            raise ValidationError(f"event_retries must be 0 to {bounds.MAX_EVENT_RETRIES}, not {event_retries!r}")
        age = seconds_of("max_event_age", max_event_age, bounds.MIN_EVENT_AGE_SECONDS, bounds.MAX_EVENT_AGE_SECONDS)
        kept = seconds_of("retention", retention, DAY, bounds.MAX_RETENTION_DAYS * DAY) * 1000
        if isinstance(function, DurableFunction):
            registration = Registration(known_as, function, whole, seconds, kept)
            self._thread.wait(self._thread.ask(lambda host: host.register(registration)))
        elif callable(function):
            plain = PlainFunction(known_as, function, seconds, EventConfig(event_retries, age))
            self._thread.wait(self._thread.ask(lambda host: host.register_plain(plain)))
        else:
            raise ValidationError(
                f"register() takes a durable function or a callable of (event, context), not {function!r}"
            )

    def start(self, name: str | DurableFunction, event: Any = None, *, execution_name: str | None = None) -> Execution:
        """Start an execution of the function registered as `name`; returns when its start is stored.

        Args:
            name: what the function was registered as, or the function itself.
            event: anything that JSON can say.
            execution_name: makes it idempotent: the same name with the same event (as canonical JSON) is the same
                execution, running or ended. A random one by default. Letters, digits, `-`, `_`, at most 64.

        Raises `ExecutionAlreadyStartedError` if the name is taken by another event, `ValidationError` for a name or a
        function that is not registered, `SerializationError` for an event that is no JSON, `StoreError`.
        """
        return self._thread.wait(self._start(name, event, execution_name))

    async def astart(
        self, name: str | DurableFunction, event: Any = None, *, execution_name: str | None = None
    ) -> Execution:
        """`start`, to be awaited."""
        return await asyncio.wrap_future(self._start(name, event, execution_name))

    def execution(self, name_or_arn: str) -> Execution:
        """The execution of a name or ARN. Raises `UnknownExecutionError`, `ValidationError` for an ambiguous name."""
        return self._thread.wait(self._find(name_or_arn))

    async def aexecution(self, name_or_arn: str) -> Execution:
        """`execution`, to be awaited."""
        return await asyncio.wrap_future(self._find(name_or_arn))

    def executions(
        self, function: str | None = None, *, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[Execution]:
        """Executions, the newest first: of one function and in one status, if given."""
        return self._thread.wait(self._list(function, status, limit))

    async def aexecutions(
        self, function: str | None = None, *, status: ExecutionStatus | None = None, limit: int = 100
    ) -> Sequence[Execution]:
        """`executions`, to be awaited."""
        return await asyncio.wrap_future(self._list(function, status, limit))

    def send_callback_success(self, callback_id: str, value: Any = None) -> None:
        """Answer a callback with a value that JSON can say; returns when it is stored.

        Raises `ResourceNotFoundException` for an unknown id, `CallbackTimeoutException` for a callback that is closed,
        `SerializationError` for what is no JSON, `StoreError`.
        """
        self._thread.wait(self._succeed(callback_id, value))

    async def asend_callback_success(self, callback_id: str, value: Any = None) -> None:
        """`send_callback_success`, to be awaited."""
        await asyncio.wrap_future(self._succeed(callback_id, value))

    def send_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        """Answer a callback with a failure. Raises as `send_callback_success` does."""
        self._thread.wait(self._answer(CallbackAnswer(callback_id, error=error_of(error))))

    async def asend_callback_failure(self, callback_id: str, error: BaseException | str | ErrorObject) -> None:
        """`send_callback_failure`, to be awaited."""
        await asyncio.wrap_future(self._answer(CallbackAnswer(callback_id, error=error_of(error))))

    def send_callback_heartbeat(self, callback_id: str) -> None:
        """Tell that a callback's answer is being worked on. Raises as `send_callback_success` does."""
        self._thread.wait(self._answer(CallbackAnswer(callback_id)))

    async def asend_callback_heartbeat(self, callback_id: str) -> None:
        """`send_callback_heartbeat`, to be awaited."""
        await asyncio.wrap_future(self._answer(CallbackAnswer(callback_id)))

    def _start(self, name: str | DurableFunction, event: Any, execution_name: str | None) -> Future[Execution]:
        payload = encode_value("event", event)
        if execution_name is not None:
            check_name("execution_name", execution_name)
        thread = self._thread
        return thread.ask(
            lambda host: Execution(
                thread, start_execution(host, _registered_name(host, name), payload, execution_name)
            ),
            durably=True,
        )

    def _find(self, name_or_arn: str) -> Future[Execution]:
        thread = self._thread
        return thread.ask(lambda host: Execution(thread, find_execution(host.store, name_or_arn)), durably=True)

    def _list(self, function: str | None, status: ExecutionStatus | None, limit: int) -> Future[Sequence[Execution]]:
        thread = self._thread
        return thread.ask(
            lambda host: [
                Execution(thread, row) for row in host.store.list(function=function, status=status, limit=limit)
            ]
        )

    def _succeed(self, callback_id: str, value: Any) -> Future[None]:
        return self._answer(CallbackAnswer(callback_id, is_success=True, payload=encode_value("value", value)))

    def _answer(self, answer: CallbackAnswer) -> Future[None]:
        return self._thread.ask(lambda host: answer_callback(host, answer), durably=True)


def _registered_name(host: Host, function: str | DurableFunction) -> str:
    """What a function is registered as, given its name or itself. Raises `ValidationError`."""
    if isinstance(function, str):
        return function
    for registration in host.functions.values():
        if registration.function is function:
            return registration.name
    known = ", ".join(sorted(host.functions)) or "none yet"
    raise ValidationError(
        f"{function!r} is not registered; call engine.register(…) with it before it is started; registered: {known}"
    )
