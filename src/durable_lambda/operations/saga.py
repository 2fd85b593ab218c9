"""`saga`: steps that know how they are undone.

When the block fails, what has succeeded is undone in reverse order: each compensation is a durable step, every one is
attempted whatever became of the others, and a crash in the middle resumes with those that are left. They are operations
of a child context, so how many there are moves nothing in the function around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

import msgspec

from durable_lambda.arguments import check_callable, check_name
from durable_lambda.errors import CompensationError, ValidationError
from durable_lambda.failures import describe
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.outcome import failure
from durable_lambda.operations.step import Step, StepArguments
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.retry import Retry, retry_policy
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class CompensationItem(msgspec.Struct, frozen=True):
    """What became of one compensation."""

    step: str | None
    """The step that it undoes."""
    error: BaseException | None = None
    """What it failed with, once no retry was left; `None` when it succeeded."""


class CompensationResult(msgspec.Struct, frozen=True):
    """What became of each compensation, in the order in which they ran."""

    items: list[CompensationItem]

    @property
    def succeeded(self) -> list[CompensationItem]:
        return [item for item in self.items if item.error is None]

    @property
    def failed(self) -> list[CompensationItem]:
        return [item for item in self.items if item.error is not None]


class _Undo(msgspec.Struct, frozen=True):
    """A compensation that is due if its step succeeds."""

    step: str | None
    operation: Operation[Any]
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    retry: Retry | int | None
    place: tuple[int, ...]
    """Where the step was called: tasks may call theirs in another order on a replay."""


class _StoredItem(msgspec.Struct):
    step: str | None
    error: ErrorObject | None = None


class _Compensations(ChildContext[list[_StoredItem]]):
    """The child context in which compensations run."""

    __slots__ = ("undos",)

    verb = "saga"

    def __init__(self, scope: Scope, name: str, undos: list[_Undo]) -> None:
        super().__init__(scope, name, self.code, (), virtual=False, result_type=list[_StoredItem])
        self.undos = undos

    def prepare(self) -> None:
        check_name(self.name, self.verb)

    def outcome(self, stored: list[_StoredItem]) -> CompensationResult:
        """What became of each, with its error as itself."""
        items = [
            CompensationItem(item.step, None if item.error is None else failure(self, item.error, CompensationError))
            for item in stored
        ]
        return CompensationResult(items)

    async def code(self) -> list[_StoredItem]:
        items: list[_StoredItem] = []
        for undo in sorted(self.undos, key=lambda undo: undo.place, reverse=True):
            try:
                result = await undo.operation
            except Exception:
                continue  # it did not succeed: there is nothing to undo
            except asyncio.CancelledError:
                if undo.operation.task is None or not undo.operation.task.cancelled():
                    raise  # these compensations are what is cancelled
                continue
            step: Step[Any] = Step(self.inside, undo.step, undo.fn, (result, *undo.args), retry=undo.retry)
            try:
                await self.inside.start(step)
            except Exception as error:
                items.append(_StoredItem(undo.step, describe(error)))
            else:
                items.append(_StoredItem(undo.step))
        return items


class Compensating:
    """What is to be undone, should it come to that: all of a saga but the waiting.

    Args:
        scope: Of the context that made it.
        name: What the compensations are grouped under.
    """

    def __init__(self, scope: Scope, name: str) -> None:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f'a saga has a name, a str, not {name!r}: ctx.saga("booking"), or ctx.saga()')
        for each in (name, f"{name} compensations"):
            check_name(each, "saga")
        self._scope = scope
        self._name = name
        self._undos: list[_Undo] = []

    def _check(self, compensate: Callable[..., Any], retry: Retry | int | None) -> None:
        """Raises `ValidationError` for what cannot be a compensation."""
        check_callable(compensate, "saga")
        retry_policy(retry)

    def _remember(
        self,
        name: str | None,
        operation: Operation[Any],
        compensate: Callable[..., Any],
        args: tuple[Any, ...],
        retry: Retry | int | None,
    ) -> None:
        place = self._scope.strand("saga.step()").place
        self._undos.append(_Undo(name, operation, compensate, args, retry, place))

    def _must_undo(self, error: BaseException | None) -> bool:
        """Whether a block that ended like this is undone."""
        return isinstance(error, Exception) and not self._scope.is_ended

    def _compensations(self) -> _Compensations | None:
        """The call that undoes what there is, and forgets it."""
        self._scope.strand("run_compensations()")
        undos, self._undos = self._undos, []
        return _Compensations(self._scope, f"{self._name} compensations", undos) if undos else None

    def _raise_failures(self, result: CompensationResult, error: BaseException | None) -> None:
        if result.failed:
            names = ", ".join(repr(item.step) for item in result.failed)
            raise CompensationError(
                f"saga {self._name!r} failed, and so did the compensation of {names}",
                result=result,
                operation_name=self._name,
            ) from error


class Saga(Compensating):
    """Made by `ctx.saga()`; see there."""

    async def __aenter__(self) -> Saga:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._must_undo(error):
            self._raise_failures(await self.run_compensations(), error)

    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        compensate: Callable[[T, *Ts], Any],
        compensation_retry: Retry | int | None = None,
        **options: Unpack[StepArguments],
    ) -> Operation[T]: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], T],
        *args: *Ts,
        compensate: Callable[[T, *Ts], Any],
        compensation_retry: Retry | int | None = None,
        **options: Unpack[StepArguments],
    ) -> Operation[T]: ...
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
    ) -> Operation[R]: ...
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
    ) -> Operation[Any]: ...
    def step(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        compensate: Callable[..., Any],
        compensation_retry: Retry | int | None = None,
        **options: Any,
    ) -> Operation[Any]:
        """A step, and how it is undone.

        Args:
            name: As for `ctx.step`; the compensation has the same name.
            fn: As for `ctx.step`.
            *args: As for `ctx.step`.
            compensate: Called as `compensate(result, *args)` in a step of its own, if `fn` succeeded.
            compensation_retry: For that step. Default: as for `ctx.step`.
            **options: The options of `ctx.step`.
        """
        self._check(compensate, compensation_retry)
        call: Step[Any] = Step(self._scope, name, fn, args, **options)
        operation = self._scope.start(call)
        self._remember(name, operation, compensate, args, compensation_retry)
        return operation

    async def run_compensations(self) -> CompensationResult:
        """Undo what has succeeded, in reverse order, and forget it.

        Steps that still run are waited for. On a replay the recorded outcomes are given.
        """
        call = self._compensations()
        return call.outcome(await self._scope.start(call)) if call is not None else CompensationResult([])
