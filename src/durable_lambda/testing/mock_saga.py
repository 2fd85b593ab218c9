"""The saga of a mock context."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from durable_lambda.context import DurableContext
from durable_lambda.errors import CompensationError, ValidationError
from durable_lambda.operations.saga import CompensationItem, CompensationResult


class MockSaga:
    """The saga of a mock context: its steps are the context's, and so are its compensations, in reverse order."""

    def __init__(self, context: Any, name: str) -> None:
        self._context = context
        self._name = name
        self._undos: list[tuple[str | None, Any, Callable[..., Any], tuple[Any, ...], Any]] = []

    def step(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        compensate: Callable[..., Any],
        compensation_retry: Any = None,
        **options: Any,
    ) -> Any:
        """As the saga's."""
        result = self._context.step(name, fn, *args, **options)
        self._undos.append((name, result, compensate, args, compensation_retry))
        return result

    def run_compensations(self) -> Any:
        """As the saga's: to be awaited in an `async def` handler."""
        undoing = self._undo()
        return undoing if isinstance(self._context, DurableContext) else to_the_end(undoing)

    async def _undo(self) -> CompensationResult:
        undos, self._undos = self._undos, []
        items: list[CompensationItem] = []
        for name, pending, undo, args, retry in reversed(undos):
            try:
                result = await pending if inspect.isawaitable(pending) else pending
            except Exception:
                continue
            try:
                undone = self._context.step(name, undo, result, *args, retry=retry)
                if inspect.isawaitable(undone):
                    await undone
            except Exception as error:
                items.append(CompensationItem(name, error))
            else:
                items.append(CompensationItem(name))
        return CompensationResult(items)

    async def __aenter__(self) -> MockSaga:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self._raise_failures(await self._undo(), error)

    def __enter__(self) -> MockSaga:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self._raise_failures(to_the_end(self._undo()), error)

    def _raise_failures(self, result: CompensationResult, error: Exception) -> None:
        if result.failed:
            names = ", ".join(repr(item.step) for item in result.failed)
            raise CompensationError(
                f"saga {self._name!r} failed, and so did the compensation of {names}",
                result=result,
                operation_name=self._name,
            ) from error


def to_the_end(coro: Coroutine[Any, Any, Any]) -> Any:
    """Run what does not wait for anything, as all that a `def` handler hands to its operations."""
    try:
        coro.send(None)
    except StopIteration as returned:
        return returned.value
    coro.close()
    raise ValidationError("the function of a child context or branch of a `def` handler is a `def`: this one awaits")
