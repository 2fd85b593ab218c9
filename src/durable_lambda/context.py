"""`DurableContext`: the operations that a function calls, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

from durable_lambda.arguments import Duration, no_option
from durable_lambda.batch import BatchResult
from durable_lambda.completion import Completion
from durable_lambda.context_base import ContextBase
from durable_lambda.operations.batching import BatchedCheckpoints
from durable_lambda.operations.callback import CallbackHandle, CallbackResult, CreateCallback
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.concurrent import Nesting
from durable_lambda.operations.condition import Condition
from durable_lambda.operations.deterministic import Now
from durable_lambda.operations.invoke import Invoke
from durable_lambda.operations.map import Map
from durable_lambda.operations.parallel import Parallel
from durable_lambda.operations.race import First, Timeout
from durable_lambda.operations.saga import Saga
from durable_lambda.operations.step import Step, StepArguments
from durable_lambda.operations.wait import Wait
from durable_lambda.operations.wait_for_callback import WaitForCallback
from durable_lambda.operations.with_retry import WithRetry
from durable_lambda.retry import DEFAULT_POLL, Poll, Retry
from durable_lambda.runtime.operation import Operation
from durable_lambda.values import UNSET, Codec

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")
Item = TypeVar("Item")
Ts = TypeVarTuple("Ts")


class DurableContext(ContextBase):
    """What a durable function does its durable work with.

    Each operation is identified and started when it is called, and returns an `Operation` to await: at once, later, or
    in `asyncio.gather` and a `TaskGroup`. When the function runs again, an operation that is over returns its recorded
    outcome instead of running again. Use a context only in the code that it was given to.
    """

    __slots__ = ()

    # Operations

    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        **options: Unpack[StepArguments],
    ) -> Operation[T]: ...
    @overload
    def step(
        self, name: str | None, fn: Callable[[*Ts], T], *args: *Ts, **options: Unpack[StepArguments]
    ) -> Operation[T]: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        result_type: type[R],
        **options: Unpack[StepArguments],
    ) -> Operation[R]: ...
    @overload
    def step(
        self,
        name: str | None,
        fn: Callable[[*Ts], Any],
        *args: *Ts,
        result_type: Any,
        **options: Unpack[StepArguments],
    ) -> Operation[Any]: ...
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
        **unknown: Any,
    ) -> Operation[Any]:
        """Run `fn(*args)` once and remember its outcome.

        Args:
            name: 1 to 256 printable ASCII characters, or `None`. It may not change while executions are in flight.
            fn: An `async def`, which runs on the loop, or any other callable, which runs on a thread; a coroutine that
                it returns is awaited. Durable operations cannot be called in it. Use `functools.partial` for keywords.
            *args: Its positional arguments.
            retry: A `Retry`, or the number of retries after the first run. Default: 6 attempts in all, 5 s apart and
                doubling to 60 s, with full jitter; programming errors are not retried.
            timeout: Seconds, or a `timedelta`, that one attempt may take; a body on a thread goes on, but its outcome
                is discarded. Default: no limit.
            at_most_once: Store that an attempt begins before it does, so that no attempt's body ever runs twice.
                Default: a crash between the body and its checkpoint runs the attempt again.
            raises: Exception classes to rebuild as themselves although their module was not loaded with the function's.
            result_type: What the result is decoded into. Default: the annotation of `fn`.
            codec: How the result is stored. Default: JSON.
            inline: Call a plain `def` on the loop instead of a thread: for one that returns at once.

        Returns:
            An operation that gives what `fn` returned, decoded; on a replay the recorded value, without running `fn`.

        Raises:
            ValidationError: The call cannot be right; nothing was sent. Raised by the call, all else by the await.
            Exception: What the body raised, with its own type, once no retry is left; `StepError` where it cannot be
                rebuilt.
            StepTimeoutError: The last attempt exceeded `timeout`.
            StepInterruptedError: An `at_most_once` attempt was cut off by a crash.
            SerializationError: The result is no JSON, does not fit its type, or is over 1 MiB.

        Example:
            payment = await ctx.step("charge", charge, order, retry=3, timeout=30)
        """
        if unknown:  # not passed on: that would cost every call
            raise no_option("step", fn, *unknown)
        return self._scope.start(
            Step(
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
        )

    def wait(self, name: str | None, duration: Duration) -> Operation[None]:
        """Let time pass, without anything running meanwhile.

        Args:
            name: As for `step`.
            duration: Whole seconds or a `timedelta`, from 1 second to 366 days (31,622,400 seconds; service model).

        Raises:
            ValidationError: The duration or the name is out of bounds; nothing was sent.
        """
        return self._scope.start(Wait(self._scope, name, duration))

    def create_callback(
        self, name: str | None, *, timeout: Duration | None = None, heartbeat_timeout: Duration | None = None
    ) -> Operation[CallbackHandle]:
        """Make a callback, whose id somebody outside answers later.

        It never waits for the answer and never fails because of it: read that with `callback_result`. A replay takes
        the id from the history and sends nothing.

        Args:
            name: As for `step`.
            timeout: Seconds (or a `timedelta`) until the callback times out; at most 99,999,999. Default: never. Set
                one: an answer that never comes keeps the execution until its own time-out.
            heartbeat_timeout: Seconds (or a `timedelta`) without a heartbeat until it times out. Default: never.

        Raises:
            ValidationError: A name or a duration is out of bounds; nothing was sent.
            CheckpointError: The service gave no callback id.

        Example:
            approval = await ctx.create_callback("approval", timeout=timedelta(days=3))
            await ctx.step("ask", ask_for_approval, approval.callback_id)
            decision = await ctx.callback_result(approval, Decision)
        """
        return self._scope.start(CreateCallback(self._scope, name, timeout, heartbeat_timeout))

    @overload
    def callback_result(
        self, handle: CallbackHandle, result_type: type[R], *, raw: bool = False, codec: Codec[R] | None = None
    ) -> Operation[R]: ...
    @overload
    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Codec[Any] | None = None
    ) -> Operation[Any]: ...
    def callback_result(
        self, handle: CallbackHandle, result_type: Any = Any, *, raw: bool = False, codec: Codec[Any] | None = None
    ) -> Operation[Any]:
        """The answer to a callback, waiting for it if need be. It may be read more than once, and costs no checkpoint.

        Args:
            handle: What `create_callback` gave.
            result_type: What the JSON of the answer is decoded into. Default: JSON's own types.
            raw: Give the string of the answer itself, undecoded.
            codec: What decodes the answer in place of JSON: its `decode` gets the string that was sent.

        Returns:
            An operation that gives the answer; `None` where it had no result.

        Raises:
            CallbackExternalError: The answer was a failure.
            CallbackTimeoutError: No answer, or no heartbeat, came in time.
            CallbackError: The callback was cancelled or stopped.
            DeserializationError: The answer does not fit `result_type`.
        """
        return self._scope.read(CallbackResult(self._scope, handle, result_type, raw=raw, codec=codec))

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
    ) -> Operation[R]: ...
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
    ) -> Operation[Any]: ...
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
    ) -> Operation[Any]:
        """Make a callback, hand its id out in a step, and wait for the answer.

        Args:
            name: As for `step`. The callback is named `<name> create callback id`, the step `<name> submitter`.
            submitter: Called as `submitter(callback_id, *args)`, as the body of a step.
            *args: Its arguments after the id.
            timeout: As for `create_callback`.
            heartbeat_timeout: As for `create_callback`.
            retry: For the submitter, as for `step`.
            result_type: As for `callback_result`.
            codec: As for `callback_result`; what the operation stores of the answer is made by its `encode`.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            CallbackSubmitterError: The submitter failed.
            CallbackError: As `callback_result`.

        Example:
            decision = await ctx.wait_for_callback("approval", ask, order, timeout=86_400, result_type=Decision)
        """
        return self._scope.start(
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

    @overload
    def wait_for_condition(
        self,
        name: str | None,
        check: Callable[[S], Coroutine[Any, Any, S]],
        *,
        initial_state: S,
        until: Callable[[S], bool],
        poll: Poll = DEFAULT_POLL,
        codec: Codec[S] | None = None,
    ) -> Operation[S]: ...
    @overload
    def wait_for_condition(
        self,
        name: str | None,
        check: Callable[[S], S],
        *,
        initial_state: S,
        until: Callable[[S], bool],
        poll: Poll = DEFAULT_POLL,
        codec: Codec[S] | None = None,
    ) -> Operation[S]: ...
    def wait_for_condition(
        self,
        name: str | None,
        check: Callable[[Any], Any],
        *,
        initial_state: Any,
        until: Callable[[Any], bool],
        poll: Poll = DEFAULT_POLL,
        codec: Codec[Any] | None = None,
    ) -> Operation[Any]:
        """Check again and again, with nothing running in between, until the state is as it should be.

        Args:
            name: As for `step`.
            check: Gives the next state from the last one; the body of an attempt, as for `step`. Each state is
                recorded, as the type that `check` is annotated to return.
            initial_state: What the first check gets.
            until: Whether a state is as it should be. It must be pure.
            poll: How often, and how long to wait in between. Default `Poll()`.
            codec: How each state is stored. Default: JSON.

        Returns:
            An operation that gives the last state.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            WaitForConditionError: No state was as it should be, after as many checks as `poll` allows.
            Exception: What a check raised; it is not checked again.

        Example:
            job = await ctx.wait_for_condition("job", look, initial_state=job, until=lambda job: job.is_done)
        """
        return self._scope.start(
            Condition(self._scope, name, check, initial_state=initial_state, until=until, poll=poll, codec=codec)
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
    ) -> Operation[R]: ...
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
    ) -> Operation[Any]: ...
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
    ) -> Operation[Any]:
        """Have another function, durable or not, do something, and give its result.

        It runs on its own: a durable one as an execution with its own history and time-outs, which goes on when this
        one ends or is stopped, or when the operation is cancelled. Nothing runs here meanwhile. A replay takes the
        outcome from the history and sends nothing.

        Args:
            name: As for `step`.
            function_name: A name, a name with a version or alias (`"payments:live"`), or an ARN, of this account and
                Region. The service demands the version or alias of a durable function.
            payload: What the function gets as its event: anything that JSON can say, at most 1 MiB of it. Default: no
                payload, which is `None` for a durable function and `{}` for another one.
            result_type: What the JSON of the result is decoded into. Default: JSON's own types.
            tenant_id: Which tenant the function runs for, if it isolates tenants. Default: none.
            payload_codec: What writes the payload in place of JSON. The service takes JSON text only.
            codec: What reads the result in place of JSON.

        Raises:
            ValidationError: A name or `tenant_id` is out of bounds; nothing was sent.
            SerializationError: The payload cannot be written as JSON, or is too large; nothing was sent.
            InvokeError: The function failed, does not exist, or gave more than 1 MiB; `error_type` and its like tell.
            InvokeTimeoutError: Its execution timed out.
            InvokeStoppedError: Its execution was stopped.
            DeserializationError: The result does not fit `result_type`.

        Example:
            receipt = await ctx.invoke("charge", "payments:live", order, result_type=Receipt)
        """
        call = Invoke(
            self._scope,
            name,
            function_name,
            payload,
            result_type=result_type,
            tenant_id=tenant_id,
            payload_codec=payload_codec,
            codec=codec,
        )
        return self._scope.start(call)

    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, T]],
        *args: *Ts,
        virtual: bool = False,
        codec: Codec[T] | None = None,
    ) -> Operation[T]: ...
    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, Any]],
        *args: *Ts,
        virtual: bool = False,
        result_type: type[R],
        codec: Codec[R] | None = None,
    ) -> Operation[R]: ...
    @overload
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, Any]],
        *args: *Ts,
        virtual: bool = False,
        result_type: Any,
        codec: Codec[Any] | None = None,
    ) -> Operation[Any]: ...
    def run_in_child_context(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        virtual: bool = False,
        result_type: Any = UNSET,
        codec: Codec[Any] | None = None,
    ) -> Operation[Any]:
        """Run `fn(*args, ctx)` with a context of its own, and remember its result as one operation.

        Operations in it are numbered for themselves, so they may change without moving those around them. When the
        result is over 256 KiB it is not stored: a replay runs `fn` again over its recorded operations.

        Args:
            name: As for `step`.
            fn: An `async def` that takes the context last.
            *args: Its arguments before the context.
            virtual: Number the operations apart, but record no operation for the context itself. Default: record one.
            result_type: What the result is decoded into. Default: the annotation of `fn`.
            codec: How the result is stored. Default: JSON.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            Exception: What `fn` raised, with its own type; `ChildContextError` where it cannot be rebuilt.
        """
        call: ChildContext[Any] = ChildContext(
            self._scope, name, fn, args, virtual=virtual, result_type=result_type, codec=codec
        )
        return self._scope.start(call)

    @overload
    def parallel(
        self,
        name: str | None,
        branches: Sequence[Callable[[DurableContext], Coroutine[Any, Any, T]]],
        *,
        max_concurrency: int | None = None,
        completion: Completion | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> Operation[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        name: str | None,
        branches: dict[str, Callable[[DurableContext], Coroutine[Any, Any, T]]],
        *,
        max_concurrency: int | None = None,
        completion: Completion | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> Operation[BatchResult[T]]: ...
    def parallel(
        self,
        name: str | None,
        branches: Sequence[Callable[..., Any]] | dict[str, Callable[..., Any]],
        *,
        max_concurrency: int | None = None,
        completion: Completion | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> Operation[BatchResult[Any]]:
        """Run branches side by side, each with a context of its own, and remember what became of each.

        Args:
            name: As for `step`.
            branches: A list of `async def` functions of a context, or a dict of names to them.
            max_concurrency: How many may be begun and not done at any time, suspended ones included. Default: all.
            completion: When the batch is decided. Default: `Completion.all_successful()`, at the first failure.
                Branches that are not done then are cancelled.
            nesting: `"flat"` records no operation for each branch, only those in it. Default: `"nested"`.
            item_codec: How the result of a branch is stored. Default: JSON.
            codec: How the whole `BatchResult` is stored. Default: JSON.

        Returns:
            An operation that gives a `BatchResult`, in the order of the branches. It raises nothing because a branch
            failed: ask for its `results()`.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.

        Example:
            quotes = await ctx.parallel("quotes", {"train": ask_train, "plane": ask_plane})
            cheapest = min(quotes.results())
        """
        return self._scope.start(
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
        fn: Callable[[Item, DurableContext], Coroutine[Any, Any, T]],
        *,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
        completion: Completion | None = None,
        item_name: Callable[[Item, int], str] | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> Operation[BatchResult[T]]:
        """Run `fn(item, ctx)` for each item, side by side, and remember what became of each.

        Args:
            name: As for `step`.
            items: A list: the same items, in the same order, every time the function runs.
            fn: An `async def` that takes an item and a context.
            max_concurrency: As for `parallel`.
            batch_size: Begin so many items, and the next ones when all of these are done. Default: no batches.
            completion: As for `parallel`.
            item_name: Makes the name of an item's operation from the item and its index. Default: `map-item-<index>`.
            nesting: As for `parallel`.
            item_codec: As for `parallel`.
            codec: As for `parallel`.

        Returns:
            An operation that gives a `BatchResult`, in the order of the items.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.

        Example:
            shipped = await ctx.map("ship", order.lines, ship_line, max_concurrency=20)
            return Receipt(shipped.results())
        """
        return self._scope.start(
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

    def first(
        self, name: str | None, /, **branches: Callable[[DurableContext], Coroutine[Any, Any, T]]
    ) -> Operation[tuple[str, T]]:
        """Run branches side by side until one succeeds, and remember which; the others are cancelled.

        Args:
            name: As for `step`.
            **branches: `async def` functions of a context, by name.

        Returns:
            An operation that gives the name of the first branch to succeed, and its result.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            BatchError: No branch succeeded.
        """
        return self._scope.start(First(self._scope, name, branches))

    def timeout(
        self,
        name: str | None,
        duration: Duration,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, T]],
        *args: *Ts,
    ) -> Operation[T]:
        """Run `fn(*args, ctx)` for so long at most, and remember whether it was done in time.

        Args:
            name: As for `step`.
            duration: Whole seconds or a `timedelta`, as for `wait`.
            fn: An `async def` that takes the context last.
            *args: Its arguments before the context.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            TimeoutError: It was not; it is cancelled.
            Exception: What `fn` raised, with its own type.
        """
        return self._scope.start(Timeout(self._scope, name, duration, fn, args))

    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, T]],
        *args: *Ts,
        retry: Retry | int | None = None,
        codec: Codec[T] | None = None,
    ) -> Operation[T]: ...
    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, Any]],
        *args: *Ts,
        retry: Retry | int | None = None,
        result_type: type[R],
        codec: Codec[R] | None = None,
    ) -> Operation[R]: ...
    @overload
    def with_retry(
        self,
        name: str | None,
        fn: Callable[[*Ts, DurableContext], Coroutine[Any, Any, Any]],
        *args: *Ts,
        retry: Retry | int | None = None,
        result_type: Any,
        codec: Codec[Any] | None = None,
    ) -> Operation[Any]: ...
    def with_retry(
        self,
        name: str | None,
        fn: Callable[..., Any],
        *args: Any,
        retry: Retry | int | None = None,
        result_type: Any = UNSET,
        codec: Codec[Any] | None = None,
    ) -> Operation[Any]:
        """Run a block of operations, and when it fails run it again after a durable wait.

        Args:
            name: As for `step`. The waits are named `<name>-backoff-<n>`, or not at all.
            fn: An `async def` that takes the context last. Its operations are new ones in each attempt.
            *args: Its arguments before the context.
            retry: As for `step`.
            result_type: What the result is decoded into. Default: the annotation of `fn`.
            codec: How the result is stored. Default: JSON.

        Raises:
            ValidationError: The call cannot be right; nothing was sent.
            Exception: What the last attempt raised.
        """
        call: WithRetry[Any] = WithRetry(self._scope, name, fn, args, retry=retry, result_type=result_type, codec=codec)
        return self._scope.start(call)

    def saga(self, name: str = "saga") -> Saga:
        """Steps that are undone in reverse order when the block fails.

        Args:
            name: What its compensations are grouped under, as `<name> compensations`.

        Raises:
            CompensationError: The block failed, and so did a compensation; else what the block failed with is raised.

        Example:
            async with ctx.saga() as saga:
                flight = await saga.step("flight", book_flight, trip, compensate=cancel_flight)
                await saga.step("hotel", book_hotel, trip, compensate=cancel_hotel)
        """
        return Saga(self._scope, name)

    def batch_checkpoints(self) -> BatchedCheckpoints:
        """Let the results of steps and child contexts flow on while their checkpoints travel together.

        Fewer calls for many small steps. A crash runs again what was not stored yet; so it is for steps that may be.

        Example:
            async with ctx.batch_checkpoints():
                for line in order.lines:
                    await ctx.step(line.sku, price, line)
        """
        return BatchedCheckpoints(self._scope)

    async def flush(self) -> None:
        """Store what `batch_checkpoints` has gathered, now."""
        await self._scope.checkpointer.flush_all()

    def now(self) -> Operation[datetime]:
        """The time in UTC, recorded: a replay gets the time when the code first came here."""
        return self._scope.start(Now(self._scope))
