"""`wait_for_condition`: look again and again, with the state of each look recorded, until it is as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from durable_lambda.arguments import answer_of, check_callable, check_name, check_predicate
from durable_lambda.errors import SerializationError, ValidationError, WaitForConditionError
from durable_lambda.failures import describe, raise_as_recorded
from durable_lambda.operations.attempts import Attempted, attempts_ended
from durable_lambda.operations.body import Body
from durable_lambda.operations.outcome import check_size, codec_of, failure, stored, unwritable
from durable_lambda.operations.step import run_as_attempt
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.updates import StepOptions
from durable_lambda.retry import Poll
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.rehearsal import body_of
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import UNSET, Codec, read_payload, write_payload

S = TypeVar("S")


class Condition(Attempted[S]):
    """A STEP whose attempts are looks at something, each with the state that the one before left."""

    __slots__ = ("check", "codec", "initial_state", "poll", "until")

    sub_type = "WaitForCondition"
    verb = "wait_for_condition"
    kind = "condition"

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        check: Callable[[S], Any],
        *,
        initial_state: S,
        until: Callable[[S], bool],
        poll: Poll,
        codec: Codec[S] | None,
    ) -> None:
        super().__init__(scope, name)
        self.check = check
        self.initial_state = initial_state
        self.until = until
        self.poll = poll
        self.codec: Codec[S] = codec_of(scope, self.verb, codec, check, UNSET)

    def prepare(self) -> None:
        check_name(self.name, self.verb)
        check_callable(self.check, self.verb)
        what = "until= of wait_for_condition() takes a function of the state"
        check_predicate(self.until, what, "until=lambda state: state.is_done")
        if not isinstance(self.poll, Poll):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                f"poll= of wait_for_condition() takes a Poll, not {self.poll!r}: Poll(initial_delay=5)"
            )

    def replay(self, recorded: wire.Operation) -> Operation[S] | None:
        details = recorded.step_details or wire.StepDetails()
        if recorded.status == "SUCCEEDED":
            return stored(self, self.codec, details.result)
        if recorded.status == "FAILED":
            return Operation.failed(failure(self, details.error or wire.ErrorObject(), WaitForConditionError))
        return None

    async def execute(self, recorded: wire.Operation | None) -> S:
        self.watch(recorded)
        state = recorded
        while True:
            state = await self.next_state(state)
            self.enter()
            try:
                attempt = attempts_ended(state) + 1
                try:
                    payload, value = await self._look(state, attempt)
                    is_met = bool(answer_of(self.until(value), "until= of wait_for_condition()"))
                except asyncio.CancelledError as cancellation:
                    self.record_cancellation(self.update("FAIL", error=describe(cancellation)))
                    raise
                except Exception as error:
                    await self._fail(error)
                if is_met:
                    await self.conclude(self.update("SUCCEED", payload=payload))
                    return value
                delay = self.poll.delay_after(attempt)
                if delay is None:
                    await self._fail(self._exhausted(attempt))
                await self.store(self.update("RETRY", payload=payload, step_options=StepOptions(delay)))
            finally:
                self.leave()
            state = await self.after_retry()

    async def _look(self, state: wire.Operation | None, attempt: int) -> tuple[str, S]:
        """The state after a check, as it is stored and as it comes back."""
        if state is None or state.status == "READY":
            self.announce(self.update("START"))
        details = state.step_details if state is not None else None
        before = self.initial_state
        if details is not None and details.result is not None:
            before = read_payload(self.codec, details.result)
        observer = self.scope.invocation.observer
        body = Body(body_of(self, self.check), (before,))
        if observer is None:
            after = await run_as_attempt(self, attempt, body)
        else:
            with observer.user_function(self, attempt):
                after = await run_as_attempt(self, attempt, body)
        try:
            payload, value = write_payload(self.codec, after)
        except SerializationError as error:
            raise unwritable(self, error) from error
        check_size(self, payload)
        return payload, value

    def _exhausted(self, attempt: int) -> WaitForConditionError:
        return WaitForConditionError(
            f"{self.label} was not met after {attempt} checks", operation_name=self.name, operation_id=self.id
        )

    async def _fail(self, error: Exception) -> NoReturn:
        record = describe(error)
        await self.conclude(self.update("FAIL", error=record))
        raise_as_recorded(failure(self, record, WaitForConditionError, original=error))
