"""`saga` in a `def` context: the same compensations, with blocking steps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

from durable_lambda.operations.in_thread import step_type
from durable_lambda.operations.saga import Compensating, CompensationResult
from durable_lambda.operations.step import StepArguments
from durable_lambda.retry import Retry
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.sync_scope import SyncScope

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class SyncSaga(Compensating):
    """Made by `ctx.saga()` of a `SyncDurableContext`; see `DurableContext.saga`."""

    _scope: SyncScope

    def __init__(self, scope: SyncScope, name: str) -> None:
        super().__init__(scope, name)

    def __enter__(self) -> SyncSaga:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._must_undo(error):
            self._raise_failures(self.run_compensations(), error)

    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        compensate: Callable[[T, *Ts], Any],
        compensation_retry: Retry | int | None = None,
        **options: Unpack[StepArguments],
    ) -> T: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], T],
        *args: *Ts,
        compensate: Callable[[T, *Ts], Any],
        compensation_retry: Retry | int | None = None,
        **options: Unpack[StepArguments],
    ) -> T: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        compensate: Callable[[R, *Ts], Any],
        compensation_retry: Retry | int | None = None,
        result_type: type[R],
        **options: Unpack[StepArguments],
    ) -> R: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        compensate: Callable[..., Any],
        compensation_retry: Retry | int | None = None,
        result_type: Any,
        **options: Unpack[StepArguments],
    ) -> Any: ...
    def step(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        compensate: Callable[..., Any],
        compensation_retry: Retry | int | None = None,
        **options: Any,
    ) -> Any:
        """A step, and how it is undone: as `Saga.step`, and gives what `fn` returned."""
        self._check(compensate, compensation_retry)
        result = self._scope.run(step_type(fn, options.get("timeout"))(self._scope, name, fn, args, **options))
        self._remember(name, Operation(result), compensate, args, compensation_retry)
        return result

    def run_compensations(self) -> CompensationResult:
        """Undo what has succeeded, in reverse order, and forget it: as `Saga.run_compensations`."""
        call = self._compensations()
        return call.outcome(self._scope.run(call)) if call is not None else CompensationResult([])
