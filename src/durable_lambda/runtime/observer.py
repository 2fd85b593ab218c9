"""Tells the hooks of one invocation what happens in it.

An invocation without hooks has no observer, and each place that would tell one asks that alone. With hooks an event
costs the same whatever the length of the history, but for one pass over it when a hook wants changes of state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextvars import copy_context
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from durable_lambda.errors import ExecutionFailedError
from durable_lambda.failures import fields_of
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import Operation, RawOperation, decode_operation
from durable_lambda.runtime.hook_set import HookSet
from durable_lambda.runtime.hooks import (
    InvocationEnd,
    InvocationOutcome,
    InvocationStart,
    OperationChange,
    OperationEnd,
    OperationStart,
    Outcome,
    UserFunctionEnd,
    UserFunctionStart,
)
from durable_lambda.runtime.invocation import InvocationInterrupted

if TYPE_CHECKING:
    from durable_lambda.runtime.call import Call
    from durable_lambda.runtime.invocation import Invocation

_INVOCATION_OUTCOMES: dict[str, InvocationOutcome] = {
    "SUCCEEDED": "SUCCEEDED",
    "FAILED": "FAILED",
    "PENDING": "SUSPENDED",
}


class Observer:
    """The one that an invocation tells its events."""

    def __init__(self, hooks: HookSet, function: str, invocation: Invocation) -> None:
        context = invocation.lambda_context
        self._hooks = hooks
        self._invocation = invocation
        self._start = InvocationStart(
            execution_arn=invocation.arn,
            function=function,
            request_id=None if context is None else context.aws_request_id,
            is_first=len(invocation.journal.history) <= 1,  # the execution itself
        )
        self._context = copy_context()
        self._wants_operations = hooks.wants("on_operation_start", "on_operation_end")
        self._attempts: dict[str, int] = {}
        """The latest attempt of each operation that is under way and had one here."""
        self._states: dict[str, RawOperation] | None = None
        """The state of each operation that the hooks know, when they want changes."""
        if hooks.wants("on_operation_change"):
            self._states = dict(invocation.journal.recorded)

    async def invocation(self, code: Coroutine[Any, Any, InvocationOutput]) -> InvocationOutput:
        """Run an invocation to its answer, in the context of its hooks."""
        began = perf_counter()
        try:
            self._context.run(self._hooks.tell, "on_invocation_start", self._start)
            task = asyncio.Task(code, loop=self._invocation.loop, context=self._context)
        except BaseException:
            code.close()
            raise
        try:
            output = await task
        except BaseException as error:
            self._ended(began, "BROKEN", error.__cause__ if isinstance(error, InvocationInterrupted) else error)
            raise
        self._ended(began, _INVOCATION_OUTCOMES[output.status], self._error_of(output))
        return output

    def _ended(self, began: float, outcome: InvocationOutcome, error: BaseException | None) -> None:
        duration = perf_counter() - began
        end = InvocationEnd(**asdict(self._start), outcome=outcome, duration=duration, error=error)
        self._context.run(self._hooks.tell, "on_invocation_end", end)

    def _error_of(self, output: InvocationOutput) -> BaseException | None:
        ending = self._invocation.ending
        if ending is not None and ending.error is not None:
            return ending.error
        record = output.error
        if record is None:
            return None
        told = f"{record.error_type}: {record.error_message}"
        return self._invocation.classes.rebuild(record, lambda: ExecutionFailedError(told, **fields_of(record)))

    # Operations

    def operation(self, call: Call[Any], recorded: Operation | None, *, is_replayed: bool) -> OperationUnderWay:
        """For `with`: an operation is executed."""
        return OperationUnderWay(self, call, recorded, is_replayed)

    def replayed(self, call: Call[Any], recorded: Operation, error: BaseException | None) -> None:
        """An operation was replayed, with an error or none."""
        if self._wants_operations:
            copy_context().run(self._tell_replay, call, recorded, error)

    def _tell_replay(self, call: Call[Any], recorded: Operation, error: BaseException | None) -> None:
        start = self.operation_start(call, attempts_ended(recorded), is_replayed=True)
        self._hooks.tell("on_operation_start", start)
        outcome: Outcome = "SUCCEEDED" if error is None else "FAILED"
        if isinstance(error, asyncio.CancelledError):
            outcome, error = "CANCELLED", None
        self._hooks.tell("on_operation_end", OperationEnd(**asdict(start), outcome=outcome, duration=0.0, error=error))

    def operation_start(self, call: Call[Any], attempt: int | None, *, is_replayed: bool) -> OperationStart:
        return OperationStart(
            execution_arn=self._start.execution_arn,
            operation_id=call.id,
            name=call.name,
            type=call.type,
            sub_type=call.sub_type,
            kind=call.kind,
            parent_id=call.scope.parent_id,
            attempt=attempt if call.type == "STEP" else None,
            is_replayed=is_replayed,
        )

    def changed(self, operations: Iterable[RawOperation]) -> None:
        """The service told the state of operations."""
        if self._states is None:
            return
        try:
            for raw in operations:
                self._changed(decode_operation(raw), self._states)
        except (KeyboardInterrupt, SystemExit) as error:  # of a hook, where nobody awaits it
            self._invocation.interrupted(error)

    def _changed(self, state: Operation, known: dict[str, RawOperation]) -> None:
        raw = known.get(state.id)
        before = None if raw is None else decode_operation(raw)
        attempts = attempts_ended(state)
        if state.type == "EXECUTION":
            return
        if before is not None and (before.status, attempts_ended(before)) == (state.status, attempts):
            return
        known[state.id] = state
        info = OperationChange(
            execution_arn=self._start.execution_arn,
            operation_id=state.id,
            name=state.name,
            type=state.type,
            sub_type=state.sub_type,
            parent_id=state.parent_id,
            status=state.status,
            previous_status=None if before is None else before.status,
            attempts_ended=attempts,
        )
        self._context.copy().run(self._hooks.tell, "on_operation_change", info)

    # What happens inside an operation

    def user_function(self, call: Call[Any], attempt: int) -> UserFunctionUnderWay:
        """For `with`: an attempt of a user function runs."""
        self._attempts[call.id] = attempt
        return UserFunctionUnderWay(self, call, attempt)

    def tell(self, event: str, info: Any) -> None:
        self._hooks.tell(event, info)

    def last_attempt(self, operation_id: str) -> int | None:
        return self._attempts.pop(operation_id, None)

    def outcome(self, call: Call[Any], error: BaseException | None) -> Outcome:
        """What became of an operation that was left with an error, or with none."""
        if error is None:
            return "SUCCEEDED"
        if self._invocation.goes_on:
            return "SUSPENDED"
        return "FAILED" if isinstance(error, Exception) and not call.scope.is_ended else "CANCELLED"


class OperationUnderWay:
    """An operation between its start and its end."""

    __slots__ = ("_began", "_call", "_observer", "_start")

    def __init__(self, observer: Observer, call: Call[Any], recorded: Operation | None, is_replayed: bool) -> None:
        self._observer = observer
        self._call = call
        ended = attempts_ended(recorded) or 0
        self._start = observer.operation_start(call, ended if is_replayed else ended + 1, is_replayed=is_replayed)

    def __enter__(self) -> None:
        self._began = perf_counter()
        self._observer.tell("on_operation_start", self._start)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        observer = self._observer
        fields = asdict(self._start)
        fields["attempt"] = observer.last_attempt(self._call.id) or self._start.attempt
        outcome = observer.outcome(self._call, error)
        duration = perf_counter() - self._began
        told = error if outcome == "FAILED" else None
        observer.tell("on_operation_end", OperationEnd(**fields, outcome=outcome, duration=duration, error=told))


class UserFunctionUnderWay:
    """An attempt between its start and its end."""

    __slots__ = ("_began", "_call", "_observer", "_start")

    def __init__(self, observer: Observer, call: Call[Any], attempt: int) -> None:
        self._observer = observer
        self._call = call
        self._start = UserFunctionStart(
            execution_arn=call.scope.invocation.arn,
            operation_id=call.id,
            name=call.name,
            kind=call.kind,
            parent_id=call.scope.parent_id,
            attempt=attempt,
        )

    def __enter__(self) -> None:
        self._began = perf_counter()
        self._observer.tell("on_user_function_start", self._start)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        outcome = self._observer.outcome(self._call, error)
        duration = perf_counter() - self._began
        told = error if outcome == "FAILED" else None
        end = UserFunctionEnd(**asdict(self._start), outcome=outcome, duration=duration, error=told)
        self._observer.tell("on_user_function_end", end)


def attempts_ended(state: Operation | None) -> int | None:
    return state.step_details.attempt if state is not None and state.step_details is not None else None
