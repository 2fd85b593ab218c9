"""`SyncDurableContext`: the same operations for a `def` handler, which block and give the value.

Their arguments, what is replayed and what they raise are told at the methods of the same names of `DurableContext`. In
addition each of them raises `Suspended` when the invocation ends while it waits: let it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

from durable_lambda.arguments import Duration
from durable_lambda.batch import BatchResult
from durable_lambda.completion import Completion
from durable_lambda.context_base import ContextBase
from durable_lambda.operations.callback import CallbackHandle, CallbackResult, CreateCallback
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.concurrent import Nesting
from durable_lambda.operations.in_thread import ConditionInThread, NowInThread, step_type
from durable_lambda.operations.invoke import Invoke
from durable_lambda.operations.map import Map
from durable_lambda.operations.parallel import Parallel
from durable_lambda.operations.race import First, Timeout
from durable_lambda.operations.step import StepArguments
from durable_lambda.operations.sync_batching import SyncBatchedCheckpoints
from durable_lambda.operations.sync_saga import SyncSaga
from durable_lambda.operations.wait import Wait
from durable_lambda.operations.wait_for_callback import WaitForCallback
from durable_lambda.operations.with_retry import WithRetry
from durable_lambda.retry import DEFAULT_POLL, Poll, Retry
from durable_lambda.runtime.sync_scope import SyncScope
from durable_lambda.values import UNSET, Codec

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")
Item = TypeVar("Item")
Ts = TypeVarTuple("Ts")


class SyncDurableContext(ContextBase):
    """What a durable `def` function does its durable work with.

    Each operation blocks until its outcome is known, and gives it. An operation that is over when the function runs
    again gives its recorded outcome instead of running again. Use a context only in the code that it was given to, in
    the thread that runs it. Branches are `def` functions too; each runs on a thread of its own.
    """

    __slots__ = ()

    _scope: SyncScope

    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        **options: Unpack[StepArguments],
    ) -> T: ...
    @overload
    def step(self, name: str | None, fn: Callable[[*Ts], T], *args: *Ts, **options: Unpack[StepArguments]) -> T: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        result_type: type[R],
        **options: Unpack[StepArguments],
    ) -> R: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        result_type: Any,
        **options: Unpack[StepArguments],
    ) -> Any: ...
    def step(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        retry: Retry | int | None = None,
        timeout: float | timedelta | None = None,
        at_most_once: bool = False,
        raises: tuple[type[BaseException], ...] = (),
        result_type: Any = UNSET,
        codec: Codec[Any] | None = None,
        inline: bool = False,
    ) -> Any:
        """Run `fn(*args)` once and remember its outcome: `DurableContext.step`.

        It runs in the calling thread. With a `timeout` it runs on another one, since that may have to be left behind;
        an `async def` runs on the invocation's loop.

        Example:
            payment = ctx.step("charge", charge, order, retry=3)
        """
        call = step_type(fn, timeout)(
            self._scope,
            name,
            fn,
            args,
            retry,
            timeout,
            at_most_once,
            raises,
            result_type,
            codec,
            inline,
        )
        return self._scope.run(call)

    def wait(self, name: str | None, duration: Duration) -> None:
        """Let time pass, without anything running meanwhile: `DurableContext.wait`."""
        self._scope.run(Wait(self._scope, name, duration))

    def create_callback(
        self, name: str | None, *, timeout: Duration | None = None, heartbeat_timeout: Duration | None = None
    ) -> CallbackHandle:
        """Make a callback, whose id somebody outside answers later: `DurableContext.create_callback`."""
        return self._scope.run(CreateCallback(self._scope, name, timeout, heartbeat_timeout))

    @overload
    def callback_result(
        self, handle: CallbackHandle, result_type: type[R], *, raw: bool = False, codec: Codec[R] | None = None
    ) -> R: ...
    @overload
    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Codec[Any] | None = None
    ) -> Any: ...
    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Codec[Any] | None = None
    ) -> Any:
        """The answer to a callback, waiting for it if need be: `DurableContext.callback_result`."""
        return self._scope.read_here(CallbackResult(self._scope, handle, result_type, raw=raw, codec=codec))

    @overload
    def wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[[str, *Ts], Any],
        *args: *Ts,
        timeout: Duration | None = None,
        heartbeat_timeout: Duration | None = None,
        retry: Retry | int | None = None,
        result_type: type[R],
        codec: Codec[R] | None = None,
    ) -> R: ...
    @overload
    def wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[[str, *Ts], Any],
        *args: *Ts,
        timeout: Duration | None = None,
        heartbeat_timeout: Duration | None = None,
        retry: Retry | int | None = None,
        result_type: Any = Any,
        codec: Codec[Any] | None = None,
    ) -> Any: ...
    def wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[..., Any],
        *args: Any,
        timeout: Duration | None = None,
        heartbeat_timeout: Duration | None = None,
        retry: Retry | int | None = None,
        result_type: Any = Any,
        codec: Codec[Any] | None = None,
    ) -> Any:
        """Make a callback, hand its id out in a step, and wait for the answer: `DurableContext.wait_for_callback`."""
        return self._scope.run(
            WaitForCallback(
                self._scope,
                name,
                submitter,
                args,
                timeout=timeout,
                heartbeat_timeout=heartbeat_timeout,
                retry=retry,
                result_type=result_type,
                codec=codec,
            )
        )

    def wait_for_condition(
        self,
        name: str | None,
        check: Callable[[S], S],
        *,
        initial_state: S,
        until: Callable[[S], bool],
        poll: Poll = DEFAULT_POLL,
        codec: Codec[S] | None = None,
    ) -> S:
        """Check again and again, with nothing running in between: `DurableContext.wait_for_condition`."""
        return self._scope.run(
            ConditionInThread(
                self._scope, name, check, initial_state=initial_state, until=until, poll=poll, codec=codec
            )
        )

    @overload
    def invoke(
        self,
        name: str | None,
        function_name: str,
        payload: Any = None,
        *,
        result_type: type[R],
        tenant_id: str | None = None,
        payload_codec: Codec[Any] | None = None,
        codec: Codec[Any] | None = None,
    ) -> R: ...
    @overload
    def invoke(
        self,
        name: str | None,
        function_name: str,
        payload: Any = None,
        *,
        result_type: Any = Any,
        tenant_id: str | None = None,
        payload_codec: Codec[Any] | None = None,
        codec: Codec[Any] | None = None,
    ) -> Any: ...
    def invoke(
        self,
        name: str | None,
        function_name: str,
        payload: Any = None,
        *,
        result_type: Any = Any,
        tenant_id: str | None = None,
        payload_codec: Codec[Any] | None = None,
        codec: Codec[Any] | None = None,
    ) -> Any:
        """Have another function, durable or not, do something, and give its result: `DurableContext.invoke`."""
        return self._scope.run(
            Invoke(
                self._scope,
                name,
                function_name,
                payload,
                result_type=result_type,
                tenant_id=tenant_id,
                payload_codec=payload_codec,
                codec=codec,
            )
        )

    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], T],
        *args: *Ts,
        virtual: bool = False,
        codec: Codec[T] | None = None,
    ) -> T: ...
    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], Any],
        *args: *Ts,
        virtual: bool = False,
        result_type: type[R],
        codec: Codec[R] | None = None,
    ) -> R: ...
    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], Any],
        *args: *Ts,
        virtual: bool = False,
        result_type: Any,
        codec: Codec[Any] | None = None,
    ) -> Any: ...
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        virtual: bool = False,
        result_type: Any = UNSET,
        codec: Codec[Any] | None = None,
    ) -> Any:
        """Run `fn(*args, ctx)`, in this thread, with a context of its own: `DurableContext.run_in_child_context`."""
        call: ChildContext[Any] = ChildContext(
            self._scope, name, fn, args, virtual=virtual, result_type=result_type, codec=codec
        )
        return self._scope.run(call)

    def parallel(
        self,
        name: str | None,
        branches: Sequence[Callable[[SyncDurableContext], T]] | dict[str, Callable[[SyncDurableContext], T]],
        *,
        max_concurrency: int | None = None,
        completion: Completion | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> BatchResult[T]:
        """Run branches side by side, each with a context and on a thread of its own: `DurableContext.parallel`.

        At most 128 threads of an invocation run at once; more of them, up to 512, while all of these wait for the
        service. What a branch does after the batch was decided without it is neither waited for nor stored.
        """
        return self._scope.run(
            Parallel(
                self._scope,
                name,
                branches,
                max_concurrency=max_concurrency,
                completion=completion,
                nesting=nesting,
                item_codec=item_codec,
                codec=codec,
            )
        )

    def map(
        self,
        name: str | None,
        items: Sequence[Item],
        fn: Callable[[Item, SyncDurableContext], T],
        *,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
        completion: Completion | None = None,
        item_name: Callable[[Item, int], str] | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> BatchResult[T]:
        """Run `fn(item, ctx)` for each item, on threads as `parallel` does: `DurableContext.map`."""
        return self._scope.run(
            Map(
                self._scope,
                name,
                items,
                fn,
                max_concurrency=max_concurrency,
                batch_size=batch_size,
                completion=completion,
                item_name=item_name,
                nesting=nesting,
                item_codec=item_codec,
                codec=codec,
            )
        )

    def first(self, name: str | None, /, **branches: Callable[[SyncDurableContext], T]) -> tuple[str, T]:
        """Run branches side by side until one succeeds, and remember which: `DurableContext.first`."""
        return self._scope.run(First(self._scope, name, branches))

    def timeout(
        self, name: str | None, duration: Duration, fn: Callable[[*Ts, SyncDurableContext], T], *args: *Ts
    ) -> T:
        """Run `fn(*args, ctx)` for so long at most, and remember whether it was in time: `DurableContext.timeout`.

        It runs on a thread of its own, which is left behind when the time is over.
        """
        return self._scope.run(Timeout(self._scope, name, duration, fn, args))

    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], T],
        *args: *Ts,
        retry: Retry | int | None = None,
        codec: Codec[T] | None = None,
    ) -> T: ...
    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], Any],
        *args: *Ts,
        retry: Retry | int | None = None,
        result_type: type[R],
        codec: Codec[R] | None = None,
    ) -> R: ...
    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, SyncDurableContext], Any],
        *args: *Ts,
        retry: Retry | int | None = None,
        result_type: Any,
        codec: Codec[Any] | None = None,
    ) -> Any: ...
    def with_retry(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        retry: Retry | int | None = None,
        result_type: Any = UNSET,
        codec: Codec[Any] | None = None,
    ) -> Any:
        """Run a block of operations, and when it fails run it again after a wait: `DurableContext.with_retry`."""
        call: WithRetry[Any] = WithRetry(self._scope, name, fn, args, retry=retry, result_type=result_type, codec=codec)
        return self._scope.run(call)

    def saga(self, name: str = "saga") -> SyncSaga:
        """Steps that are undone in reverse order when the block fails: `DurableContext.saga`.

        Example:
            with ctx.saga() as saga:
                flight = saga.step("flight", book_flight, trip, compensate=cancel_flight)
        """
        return SyncSaga(self._scope, name)

    def batch_checkpoints(self) -> SyncBatchedCheckpoints:
        """Let results flow on while their checkpoints travel together: `DurableContext.batch_checkpoints`.

        Example:
            with ctx.batch_checkpoints():
                for line in order.lines:
                    ctx.step(line.sku, price, line)
        """
        return SyncBatchedCheckpoints(self._scope)

    def flush(self) -> None:
        """Store what `batch_checkpoints` has gathered, now."""
        self._scope.flush()

    def now(self) -> datetime:
        """The time in UTC, recorded: `DurableContext.now`."""
        return self._scope.run(NowInThread(self._scope))
