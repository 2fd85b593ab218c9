"""What instrumentation is told of a durable function, and the class that it overrides.

A hook observes. It is called at the start and at the end of an invocation, of an operation and of an attempt of a user
function, and it returns nothing: it cannot change a result, nor swallow an error, nor run a body twice, as something
that wraps them could. What has to wrap (a span that is the current one in a step's body) uses a `ContextVar`: a start
and its end are called in one `contextvars` context, which is the one that the code between them inherits, be it a task,
a thread or a child context. So the variable that a start sets is seen by that code and by the matching end, and by
nobody else; the same holds for `async def` and `def`, with no generator to resume and nothing to unwind.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from durable_lambda.protocol.operations import OperationStatus, OperationType

InvocationOutcome: TypeAlias = Literal["SUCCEEDED", "FAILED", "SUSPENDED", "BROKEN"]
Outcome: TypeAlias = Literal["SUCCEEDED", "FAILED", "CANCELLED", "SUSPENDED"]


class InvocationStart(msgspec.Struct, frozen=True, kw_only=True):
    """An invocation begins: the state is read, the function's code has not run yet."""

    execution_arn: str
    function: str
    """The name of the handler."""
    request_id: str | None
    """Of Lambda, or of the engine; `None` where nobody gives one."""
    is_first: bool
    """Whether the execution has no recorded operation yet. What `False` begins with is a replay."""


class InvocationEnd(InvocationStart, frozen=True, kw_only=True):
    """An invocation has ended: its answer is known, and nothing of it runs any more."""

    outcome: InvocationOutcome
    """`SUCCEEDED` and `FAILED` end the execution. `SUSPENDED` waits for time, an answer or another attempt. `BROKEN` is
    an error of this invocation alone (the service could not be reached, the host stopped it): it is made again."""
    duration: float
    """Seconds since its start."""
    error: BaseException | None
    """What the function raised or what broke the invocation; of a suspension the `Suspended` that tells its reason."""


class OperationStart(msgspec.Struct, frozen=True, kw_only=True):
    """An operation begins in this invocation: for the first time, once more, or as a replay of its outcome."""

    execution_arn: str
    operation_id: str
    name: str | None
    type: OperationType
    sub_type: str
    kind: str
    """The operation as spans and messages name it: `step`, `wait`, `callback`, `child_context`, `map`, …"""
    parent_id: str | None
    """The CONTEXT operation that it belongs to; `None` in the handler's own code."""
    attempt: int | None
    """Of a step or a condition: the attempt that is next, from 1, or the last one of an outcome that is replayed."""
    is_replayed: bool
    """Whether its outcome is in the history: nothing of it runs."""


class OperationEnd(OperationStart, frozen=True, kw_only=True):
    """An operation is over in this invocation. Every start has its end."""

    outcome: Outcome
    """`SUCCEEDED`, `FAILED` and `CANCELLED` (by the function, or left behind by it) are what the function sees.
    `SUSPENDED`: it is not over, and starts again in another invocation."""
    duration: float
    """Seconds since its start in this invocation; 0 when it is replayed."""
    error: BaseException | None
    """What the function gets, when it failed."""


class OperationChange(msgspec.Struct, frozen=True, kw_only=True):
    """The service has a new state of an operation: what was sent is stored, or something outside has happened."""

    execution_arn: str
    operation_id: str
    name: str | None
    type: OperationType
    sub_type: str | None
    parent_id: str | None
    status: OperationStatus
    previous_status: OperationStatus | None
    """`None` for an operation that is new."""
    attempts_ended: int | None
    """Of a step or a condition: how many attempts are over."""


class UserFunctionStart(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a step's body, or a check of a condition, begins.

    The function of a child context or of a branch is its operation, from start to end, and is not told a second time.
    """

    execution_arn: str
    operation_id: str
    name: str | None
    kind: str
    parent_id: str | None
    attempt: int
    """From 1."""


class UserFunctionEnd(UserFunctionStart, frozen=True, kw_only=True):
    """An attempt has ended. Nothing of it is stored yet."""

    outcome: Outcome
    """`FAILED` also for one that reached its timeout."""
    duration: float
    """Seconds."""
    error: BaseException | None
    """What it raised, when it failed."""


class Hooks:
    """Instrumentation: override the methods that you need, and give an instance to `@durable_execution(hooks=…)`.

    Of several hooks the first one is told first of a start, and last of an end.

    A method is a plain `def` and is waited for, so it must be quick: hand slow work to a thread, and collect it in
    `on_invocation_end`. It is called where the operation runs: mostly on the event loop, in a `def` handler on the
    handler's threads, so several may run at once. It cannot call operations, and tasks that it creates do not belong to
    the invocation.

    A method that raises harms nothing: the error is logged with its traceback, once for each hook and method. Only
    `KeyboardInterrupt`, `SystemExit` and `GeneratorExit` pass. An end is told even when the start has raised.

    Every invocation runs the function from the top, so an operation that has completed is told again, with
    `is_replayed=True`, in each invocation after that. `on_operation_change` and `on_user_function_*` only tell what is
    new.

    A `ContextVar` that a start sets is seen by the code up to the matching end, in whichever task, thread or child
    context that runs, by the end itself, and by nothing else.

    Example:
        class Failures(Hooks):
            def __init__(self) -> None:
                self.names: list[str | None] = []

            def on_operation_end(self, info: OperationEnd) -> None:
                if info.outcome == "FAILED" and not info.is_replayed:
                    self.names.append(info.name)


        @durable_execution(hooks=Failures())
        async def handler(event: Order, ctx: DurableContext) -> Receipt: ...
    """

    def on_invocation_start(self, info: InvocationStart) -> None:
        """An invocation begins. One whose state cannot be read does not begin."""

    def on_invocation_end(self, info: InvocationEnd) -> None:
        """An invocation has ended, and its answer is on its way."""

    def on_operation_start(self, info: OperationStart) -> None:
        """An operation begins, before anything of it is sent. `callback_result` is no operation of its own."""

    def on_operation_change(self, info: OperationChange) -> None:
        """The service has a new state of an operation. Told when the answer to a checkpoint arrives, outside of any
        operation; of states that followed each other meanwhile only the last one may be told."""

    def on_operation_end(self, info: OperationEnd) -> None:
        """An operation is over in this invocation, before the function gets its outcome."""

    def on_user_function_start(self, info: UserFunctionStart) -> None:
        """An attempt of a step's body, or a check of a condition, begins."""

    def on_user_function_end(self, info: UserFunctionEnd) -> None:
        """An attempt of a step's body, or a check of a condition, has ended."""
