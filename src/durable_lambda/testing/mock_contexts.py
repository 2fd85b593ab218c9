"""The contexts that `MockDurableContext` builds: the methods of the real ones, over the operations of the mock.

What is prepared for a call is the value that the code gets; a `codec` is not asked. Each call takes it at once, so
calls that are awaited later, or together, get what was meant for them in the order in which they are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from durable_lambda.context import DurableContext
from durable_lambda.operations.callback import CallbackHandle
from durable_lambda.runtime.operation import Operation
from durable_lambda.sync_context import SyncDurableContext
from durable_lambda.testing.mock_base import MockBase
from durable_lambda.testing.mock_saga import MockSaga, to_the_end


class MockContext(MockBase, DurableContext):
    """A `DurableContext` that answers what a test has prepared. Made by `MockDurableContext.build`."""

    def step(self, name: str | None, fn: Callable[..., Any], *args: Any, **options: Any) -> Operation[Any]:
        return _begun(self._step(name, fn, *args, **options))

    def wait(self, name: str | None, duration: Any) -> Operation[None]:
        return _begun(self._wait(name))

    def create_callback(self, name: str | None, **timers: Any) -> Operation[CallbackHandle]:
        return _begun(self._create_callback(name))

    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Any = None
    ) -> Operation[Any]:
        return _begun(self._callback_result(handle, result_type, raw, codec))

    def wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[..., Any],
        *args: Any,
        result_type: Any = Any,
        codec: Any = None,
        **options: Any,
    ) -> Operation[Any]:
        return _begun(self._wait_for_callback(name, submitter, args, result_type=result_type, codec=codec))

    def wait_for_condition(self, name: str | None, check: Callable[..., Any], **options: Any) -> Operation[Any]:
        return _begun(self._condition(name, check, **options))

    def invoke(
        self,
        name: str | None,
        function_name: str,
        payload: Any = None,
        *,
        result_type: Any = Any,
        codec: Any = None,
        **options: Any,
    ) -> Operation[Any]:
        return _begun(self._invoke(name, function_name, result_type, codec))

    def run_in_child_context(
        self, name: str | None, fn: Callable[..., Any], *args: Any, **options: Any
    ) -> Operation[Any]:
        return _begun(self._child(name, fn, args, options))

    def with_retry(
        self, name: str | None, fn: Callable[..., Any], *args: Any, retry: Any = None, **options: Any
    ) -> Operation[Any]:
        return _begun(self._with_retry(name, fn, args, retry))

    def timeout(self, name: str | None, duration: Any, fn: Callable[..., Any], *args: Any) -> Operation[Any]:
        return _begun(self._timeout(name, fn, args))

    def parallel(self, name: str | None, branches: Any, **options: Any) -> Operation[Any]:
        return _begun(self._parallel(name, branches, options))

    def map(self, name: str | None, items: Any, fn: Callable[..., Any], **options: Any) -> Operation[Any]:
        return _begun(self._map(name, list(items), fn, options))

    def first(self, name: str | None, /, **branches: Callable[..., Any]) -> Operation[Any]:
        return _begun(self._first(name, branches))

    def saga(self, name: str = "saga") -> Any:
        return MockSaga(self, name)

    def batch_checkpoints(self) -> Any:
        return _Nothing()

    async def flush(self) -> None:
        """Nothing is gathered."""

    def now(self) -> Operation[datetime]:
        return Operation(self._mock.now)


class MockSyncContext(MockBase, SyncDurableContext):
    """A `SyncDurableContext` that answers what a test has prepared. Made by `MockDurableContext.build_sync`."""

    def step(self, name: str | None, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return to_the_end(self._step(name, fn, *args, **options))

    def wait(self, name: str | None, duration: Any) -> None:
        to_the_end(self._wait(name))

    def create_callback(self, name: str | None, **timers: Any) -> CallbackHandle:
        return to_the_end(self._create_callback(name))

    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Any = None
    ) -> Any:
        return to_the_end(self._callback_result(handle, result_type, raw, codec))

    def wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[..., Any],
        *args: Any,
        result_type: Any = Any,
        codec: Any = None,
        **options: Any,
    ) -> Any:
        return to_the_end(self._wait_for_callback(name, submitter, args, result_type=result_type, codec=codec))

    def wait_for_condition(self, name: str | None, check: Callable[..., Any], **options: Any) -> Any:
        return to_the_end(self._condition(name, check, **options))

    def invoke(
        self,
        name: str | None,
        function_name: str,
        payload: Any = None,
        *,
        result_type: Any = Any,
        codec: Any = None,
        **options: Any,
    ) -> Any:
        return to_the_end(self._invoke(name, function_name, result_type, codec))

    def run_in_child_context(self, name: str | None, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return to_the_end(self._child(name, fn, args, options))

    def with_retry(
        self, name: str | None, fn: Callable[..., Any], *args: Any, retry: Any = None, **options: Any
    ) -> Any:
        return to_the_end(self._with_retry(name, fn, args, retry))

    def timeout(self, name: str | None, duration: Any, fn: Callable[..., Any], *args: Any) -> Any:
        return to_the_end(self._timeout(name, fn, args))

    def parallel(self, name: str | None, branches: Any, **options: Any) -> Any:
        return to_the_end(self._parallel(name, branches, options))

    def map(self, name: str | None, items: Any, fn: Callable[..., Any], **options: Any) -> Any:
        return to_the_end(self._map(name, list(items), fn, options))

    def first(self, name: str | None, /, **branches: Callable[..., Any]) -> Any:
        return to_the_end(self._first(name, branches))

    def saga(self, name: str = "saga") -> Any:
        return MockSaga(self, name)

    def batch_checkpoints(self) -> Any:
        return _Nothing()

    def flush(self) -> None:
        """Nothing is gathered."""

    def now(self) -> datetime:
        return self._mock.now


class _Nothing:
    """A block around which nothing happens."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _begun(coro: Coroutine[Any, Any, Any]) -> Operation[Any]:
    """An operation that has begun when it was called, as a real one has."""
    operation: Operation[Any] = Operation()
    operation.run_by(asyncio.get_running_loop().create_task(coro), lambda: True)
    return operation
