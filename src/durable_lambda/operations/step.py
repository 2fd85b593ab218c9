"""`step`: run a function once, and remember what it returned or raised.

By default an attempt is made at least once: a crash between the body and its checkpoint runs the body again. With
`at_most_once` the START is stored before the body runs, and an attempt that a crash interrupted becomes a
`StepInterruptedError`, not a second run. A failed attempt that the policy tries again is recorded with its delay; the
service wakes the execution when it is due, and not because something else did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from logging import Logger, LoggerAdapter
from typing import Any, TypedDict, TypeVar

import msgspec

from durable_lambda.arguments import check_callable, check_name, no_option, positive_seconds
from durable_lambda.errors import SerializationError, StepError, StepInterruptedError, StepTimeoutError, ValidationError
from durable_lambda.failures import describe, raise_as_recorded
from durable_lambda.loop import CURRENT
from durable_lambda.operations.attempts import Attempted, attempts_ended
from durable_lambda.operations.body import Body
from durable_lambda.operations.outcome import check_classes, check_size, codec_of, failure, stored, unwritable
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.updates import StepOptions
from durable_lambda.retry import Retry, retry_policy
from durable_lambda.runtime.logging import body_logger
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.rehearsal import REHEARSAL, body_of
from durable_lambda.runtime.scope import Scope
from durable_lambda.runtime.strand import BodyStrand
from durable_lambda.values import UNSET, Codec, write_payload

T = TypeVar("T")


class StepArguments(TypedDict, total=False):
    """The options of `ctx.step` but `result_type`; they are told there."""

    retry: Retry | int | None
    timeout: float | timedelta | None
    at_most_once: bool
    raises: tuple[type[BaseException], ...]
    codec: Codec[Any] | None
    inline: bool


class StepAttempt(msgspec.Struct, frozen=True):
    """The attempt of a step that is running: what `current_step()` gives to its body."""

    attempt: int
    """Its number, from 1."""
    name: str | None
    operation_id: str
    _scope: Scope

    @property
    def logger(self) -> LoggerAdapter[Logger]:
        """Logs with the fields of the execution and of the step."""
        return body_logger(self._scope, self.name, self.operation_id, self.attempt)

    @property
    def idempotency_key(self) -> str:
        """32 hexadecimal characters: the same for every attempt of this step in this execution, and for no other."""
        if (rehearsal := REHEARSAL.get()) is not None:
            rehearsal.noticed_key(self.operation_id)
        return blake2b(f"{self._scope.invocation.arn}/{self.operation_id}".encode(), digest_size=16).hexdigest()


def current_step() -> StepAttempt:
    """The step whose body is running.

    Raises:
        ValidationError: No step's body is running here.
    """
    strand = CURRENT.get()
    if isinstance(strand, BodyStrand) and isinstance(strand.attempt, StepAttempt):
        return strand.attempt
    raise ValidationError("current_step() is for the body of a step: call it in the function that ctx.step() runs")


class Step(Attempted[T]):
    """A function whose outcome is recorded."""

    __slots__ = (
        "_body",
        "_deadline",
        "_policy",
        "at_most_once",
        "codec",
        "fn_args",
        "inline",
        "raises",
        "retry",
        "timeout",
    )

    sub_type = "Step"
    verb = "step"
    kind = "step"

    def __init__(  # noqa: PLR0917  # passed by keyword, they would be a fifteenth of what a replayed step costs
        self,
        scope: Scope,
        name: str | None,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        retry: Retry | int | None = None,
        timeout: float | timedelta | None = None,
        at_most_once: bool = False,
        raises: tuple[type[BaseException], ...] = (),
        result_type: Any = UNSET,
        codec: Codec[T] | None = None,
        inline: bool = False,
        **unknown: Any,
    ) -> None:
        super().__init__(scope, name)
        if unknown:
            raise no_option(self.verb, fn, *unknown)
        self.fn_args = fn, args
        self.retry = retry
        self.timeout = timeout
        self.at_most_once = at_most_once
        self.raises = raises
        self.inline = inline
        self.codec: Codec[T] = codec_of(scope, self.verb, codec, fn, result_type)

    def prepare(self) -> None:
        fn, args = self.fn_args
        check_name(self.name, "step")
        check_callable(fn, "step")
        self._body = Body(body_of(self, fn), args, inline=self.inline, may_be_left=self.timeout is not None)
        self._policy = retry_policy(self.retry)
        check_classes(self.raises)
        self._deadline: float | None = None
        if self.timeout is not None:
            self._deadline = positive_seconds(self.timeout, "timeout of step()")

    def replay(self, recorded: wire.Operation) -> Operation[T] | None:
        details = recorded.step_details
        if recorded.status == "SUCCEEDED":
            return stored(self, self.codec, details.result if details is not None else None)
        if recorded.status == "FAILED":
            error = details.error if details is not None else None
            return Operation.failed(failure(self, error or wire.ErrorObject(), StepError, named=self._named))
        return None

    async def execute(self, recorded: wire.Operation | None) -> T:
        self.watch(recorded)
        state = recorded
        while True:
            state = await self.next_state(state)
            self.enter()
            try:
                attempt = attempts_ended(state) + 1
                try:
                    payload, value = await self._attempt(attempt, state)
                except (Exception, asyncio.CancelledError) as error:
                    await self._record_failure(error, attempt)
                else:
                    await self.conclude(self.update("SUCCEED", payload=payload))
                    return value
            finally:
                self.leave()
            state = await self.after_retry()

    @property
    def _named(self) -> tuple[type[BaseException], ...]:
        return self.raises + retry_policy(self.retry).exception_types

    async def _attempt(self, attempt: int, state: wire.Operation | None) -> tuple[str, T]:
        """Run the body, and give its result as it is stored and as it comes back."""
        if state is not None and state.status == "STARTED":
            if self.at_most_once:
                raise StepInterruptedError(
                    f"attempt {attempt} of {self.label} began, and its process ended before the outcome was stored",
                    operation_name=self.name,
                    operation_id=self.id,
                )
        elif self.at_most_once:
            await self.store(self.update("START"))
        else:
            self.announce(self.update("START"))
        observer = self.scope.invocation.observer
        if observer is None:
            result = await self._run_body(attempt)
        else:
            with observer.user_function(self, attempt):
                result = await self._run_body(attempt)
        try:
            payload, value = write_payload(self.codec, result)
        except SerializationError as error:
            raise unwritable(self, error) from error
        check_size(self, payload)
        return payload, value

    async def _run_body(self, attempt: int) -> Any:
        try:
            if self._deadline is None:
                return await run_as_attempt(self, attempt, self._body)
            async with asyncio.timeout(self._deadline) as deadline:
                result = await run_as_attempt(self, attempt, self._body)
            if not deadline.expired():
                return result
            raise TimeoutError  # it answered its cancellation with a value, which comes too late
        except TimeoutError:
            if self._deadline is not None and deadline.expired():  # pyright: ignore[reportPossiblyUnboundVariable]
                raise StepTimeoutError(
                    f"{self.label} did not end within its timeout of {self._deadline:g} seconds (attempt {attempt})",
                    operation_name=self.name,
                    operation_id=self.id,
                ) from None
            raise

    async def _record_failure(self, error: BaseException, attempt: int) -> None:
        """Schedule the next attempt, or record the failure and raise it."""
        if isinstance(error, asyncio.CancelledError):
            self.record_cancellation(self.update("FAIL", error=describe(error)))
            raise error
        delay = None
        try:
            delay = self._policy.delay_after(error, attempt)
        except Exception as broken:  # the predicate: its error is the step's
            broken.__context__ = error
            error = broken
        record = describe(error)
        if delay is None:
            await self.conclude(self.update("FAIL", error=record))
            raise_as_recorded(failure(self, record, StepError, named=self._named, original=error))
        await self.store(self.update("RETRY", error=record, step_options=StepOptions(delay)))


async def run_as_attempt(call: Attempted[Any], attempt: int, body: Body) -> Any:
    """Run a body where no operation may be called, and where `current_step()` tells of the attempt."""
    outside = CURRENT.get()
    running = StepAttempt(attempt, call.name, call.id, call.scope)
    CURRENT.set(BodyStrand(call.scope.invocation, running, call.scope.parent_id))
    try:
        return await call.run_body(body)
    finally:
        CURRENT.set(outside)
