"""A Lambda entry point around a durable function.

`Handler` turns an invocation into a run of the function: it loads the state, decodes the event, runs the code until it
ends or suspends, and answers with the envelope that the service expects. A host such as the embedded engine calls
`invoke` on its own loop; Lambda calls the handler itself.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypedDict, TypeVar, Unpack, overload

import msgspec

from durable_lambda.arguments import is_async
from durable_lambda.context import DurableContext
from durable_lambda.errors import (
    BackendError,
    CheckpointError,
    DeserializationError,
    SerializationError,
    ValidationError,
)
from durable_lambda.failures import describe
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.hosting import InvocationInterrupted, LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput, parse_invocation
from durable_lambda.protocol.limits import MAX_EXECUTION_PAYLOAD, MAX_INVOCATION_RESPONSE, MAX_PAGE_SIZE
from durable_lambda.protocol.operations import Operation, RawOperation, decode_operation, operation_id_of
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.rebuilding import ExceptionClasses
from durable_lambda.runtime import process
from durable_lambda.runtime.checkpointer import START_DELAY, classified
from durable_lambda.runtime.instrumentation import Instrumentation
from durable_lambda.runtime.invocation import Ending, Invocation
from durable_lambda.runtime.journal import Journal
from durable_lambda.runtime.scope import Scope
from durable_lambda.signature import check_signature, checked_backend, checked_delay, checked_error_hook
from durable_lambda.values import Codec, check_codec, codec_for, parameter_type, result_codec, round_trip

if TYPE_CHECKING:
    from durable_lambda.runtime.hooks import Hooks
    from durable_lambda.styles import HandlerBuilder
    from durable_lambda.sync_context import SyncDurableContext

E = TypeVar("E")
R = TypeVar("R")
E2 = TypeVar("E2")
R2 = TypeVar("R2")

ErrorHook: TypeAlias = Callable[[Exception], "BaseException | Awaitable[BaseException | None] | None"]
"""Sees what an execution fails with, and may give another exception instead."""

_WIDEST_ESCAPE: Final = 6  # JSON writes one character in at most six bytes


class Handler(Generic[E, R]):
    """A durable function, ready to be invoked: by Lambda, or by an engine that it is registered with.

    `fn` is the function itself, for a test with a context of its own. The options are those of `durable_execution`.
    """

    def __init__(
        self,
        fn: Callable[[E, DurableContext], Coroutine[Any, Any, R]] | Callable[[E, SyncDurableContext], R],
        *,
        name: str | None = None,
        backend: DurableBackend | None = None,
        hooks: Hooks | Iterable[Hooks] | None = None,
        on_error: ErrorHook | None = None,
        start_delay: float = START_DELAY,
        codec: Codec[str] | None = None,
    ) -> None:
        if isinstance(fn, Handler):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"{fn!r} is one already: decorate it once")
        if codec is not None:
            check_codec(codec, "@durable_execution()")
        self._codec = codec
        self._event_parameter = check_signature(fn)
        self._on_error = checked_error_hook(on_error)
        self._make_scope = _awaiting_scope if is_async(fn) else _blocking_scope()
        self.fn = fn
        self.name = name if name is not None else getattr(fn, "__name__", "handler")
        self._backend = checked_backend(backend)
        self._start_delay = checked_delay(start_delay)
        self._instrumentation = Instrumentation(hooks)
        self._classes: ExceptionClasses | None = None
        self.__doc__ = fn.__doc__
        self.__name__ = self.name

    @staticmethod
    def builder(
        fn: Callable[[E2, DurableContext], Coroutine[Any, Any, R2]] | Callable[[E2, SyncDurableContext], R2],
    ) -> HandlerBuilder[E2, R2]:
        """Make a handler step by step; nothing is checked before `build`.

        Example:
            handler = Handler.builder(process).with_name("orders").with_error_handler(tell_sentry).build()
        """
        from durable_lambda.styles import HandlerBuilder  # late: most handlers are decorated

        return HandlerBuilder(fn)

    def __repr__(self) -> str:
        return f"<durable function {self.name}>"

    def __call__(self, event: Any, lambda_context: LambdaContext | None = None) -> dict[str, Any]:
        """Run one invocation: the entry point for Lambda.

        Returns:
            The envelope: `{"Status": "SUCCEEDED", "Result": …}`, `{"Status": "FAILED", "Error": …}` or
            `{"Status": "PENDING"}`.

        Raises:
            ValueError: The event is not that of a durable invocation.
            BackendError: The service could not be reached or refused the token; Lambda invokes again.
        """
        backend = self._backend
        if hasattr(event, "service_client") and hasattr(event, "to_json_dict"):
            # late: only the official test runner calls like this
            from durable_lambda.backends.service_client import ServiceClientBackend

            event, backend = event.to_json_dict(), ServiceClientBackend(event.service_client)
        try:
            invocation = parse_invocation(event)
        except ValueError as error:
            raise ValueError(
                f"{error} (Lambda calls {self!r} like this. To run it here use the `durable run` command or a "
                "durable_lambda.engine.Engine; the function itself is its `fn`.)"
            ) from None
        if backend is None:
            backend = _lambda_backend(self)
        try:
            output = process.run(self.invoke(invocation, backend, lambda_context))
        except InvocationInterrupted as interruption:
            if interruption.__cause__ is not None:
                raise interruption.__cause__ from None
            raise
        return msgspec.to_builtins(output)

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext | None = None
    ) -> InvocationOutput:
        """Run one invocation on the running loop: the entry point for a host.

        Raises:
            RuntimeError: The running loop is no `durable_lambda.loop.InvocationLoop`.
            BackendError: The service could not be reached or refused the token.
            InvocationInterrupted: The function raised `SystemExit` or `KeyboardInterrupt`.
        """
        if not isinstance(asyncio.get_running_loop(), InvocationLoop):
            raise RuntimeError(
                "a durable function runs on a durable_lambda.loop.InvocationLoop: call the handler itself"
            )
        if self._classes is None:
            self._classes = ExceptionClasses()
        try:
            operations = await _load_operations(invocation, backend)
        except ServiceError as error:
            refusal = classified(error, "to give the state")
            if isinstance(refusal, BackendError):
                raise refusal from error
            return InvocationOutput("FAILED", error=describe(refusal))
        except OSError as error:
            raise BackendError(f"the state could not be read: {type(error).__name__}: {error}") from error
        journal = Journal(operations)
        execution = _take_execution(journal, invocation.durable_execution_arn)
        run = Invocation(
            invocation.durable_execution_arn,
            invocation.checkpoint_token,
            journal,
            backend,
            lambda_context=lambda_context,
            classes=self._classes,
            start_delay=self._start_delay,
            codec=self._codec,
        )
        observer = run.observer = self._instrumentation.observe(self.name, run)
        answer = self._run(run, execution)
        try:
            return await (answer if observer is None else observer.invocation(answer))
        finally:
            run.let_go()

    async def _run(self, run: Invocation, execution: Operation) -> InvocationOutput:
        scope = self._make_scope(run)
        ending = await run.run(self._main(scope, execution), scope.home)
        if ending.kind in ("raised", "failed") and self._on_error is not None and isinstance(ending.error, Exception):
            ending = Ending("failed", error=await self._explain(self._on_error, ending.error))
        return await _answer(run, ending)

    async def _explain(self, on_error: ErrorHook, error: Exception) -> BaseException:
        """What the execution fails with, once the user's hook has seen the error."""
        try:
            answer = on_error(error)
            other = await answer if inspect.isawaitable(answer) else answer
        except Exception as raised:
            raised.__context__ = error
            return raised
        if other is None or isinstance(other, BaseException):  # pyright: ignore[reportUnnecessaryIsInstance]
            return error if other is None else other
        shown = getattr(on_error, "__qualname__", on_error)
        return ValidationError(f"on_error {shown} must return an exception or None, not {other!r}")

    async def _main(self, scope: Scope, execution: Operation) -> str:
        """Run the function's code, and give its result as JSON."""
        details = execution.execution_details
        payload = details.input_payload if details is not None else None
        event = self._decode_event(payload)
        try:
            result = await scope.call(self.fn, (event,))
        except Exception as error:
            scope.finish(error)
            raise
        scope.finish()
        try:
            return round_trip(result_codec(self.fn), result)[0]
        except SerializationError as error:
            raise SerializationError(f"the result of {self.name}: {error}") from error

    @cached_property
    def _event_codec(self) -> Codec[E]:
        """By the annotation of the event, which may name what is defined only after the function."""
        return codec_for(parameter_type(self.fn, self._event_parameter))

    def _decode_event(self, payload: str | None) -> E:
        try:
            return self._event_codec.decode(payload if payload else "null")
        except DeserializationError as error:
            raise DeserializationError(f"the event of {self.name}: {error}") from error


def _awaiting_scope(run: Invocation) -> Scope:
    return Scope(run, DurableContext)


def _blocking_scope() -> Callable[[Invocation], Scope]:
    from durable_lambda.runtime.sync_scope import SyncScope  # late: most functions are `async def`
    from durable_lambda.sync_context import SyncDurableContext

    return lambda run: SyncScope(run, SyncDurableContext)


def _lambda_backend(handler: Handler[Any, Any]) -> DurableBackend:
    """AWS Lambda, in a process that Lambda (or what stands in for it) started. Raises `ValidationError` elsewhere."""
    if not {"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME"} & os.environ.keys():
        raise ValidationError(
            f"{handler!r} has no backend to send checkpoints to, and this is not AWS Lambda: pass one with "
            "@durable_execution(backend=…), or register the function with a durable_lambda.engine.Engine"
        )
    from durable_lambda.backends.aws import default_backend  # late: it brings HTTP and TLS

    return default_backend()


async def _load_operations(invocation: InvocationInput, backend: DurableBackend) -> list[RawOperation]:
    """Every operation of the execution; the first page comes with the event, and may be empty."""
    operations = list(invocation.initial_execution_state.operations)
    marker = invocation.initial_execution_state.next_marker
    while marker:
        page = await backend.get_execution_state(
            invocation.durable_execution_arn, invocation.checkpoint_token, marker, MAX_PAGE_SIZE
        )
        operations += page.operations
        marker = page.next_marker
    return operations


def _take_execution(journal: Journal, arn: str) -> Operation:
    """The EXECUTION operation, out of those that the code will ask for."""
    if not journal.history:
        raise BackendError(f"the service gave no operation of {arn}, not even the execution itself")
    first = journal.history[0]
    execution = journal.recorded.pop(operation_id_of(first))
    decoded = decode_operation(execution)
    if decoded.type != "EXECUTION":
        raise BackendError(f"the first operation of {arn} is of type {decoded.type}, not EXECUTION")
    return decoded


async def _answer(run: Invocation, ending: Ending) -> InvocationOutput:
    """The envelope of an ending."""
    match ending.kind:
        case "returned":
            return await _succeed(run, ending.value)
        case "suspended":
            return InvocationOutput("PENDING")
        case "broken":
            assert ending.error is not None
            raise ending.error
        case "raised" | "failed":
            assert ending.error is not None
            return InvocationOutput("FAILED", error=describe(ending.error))


async def _succeed(run: Invocation, result: str) -> InvocationOutput:
    output = InvocationOutput("SUCCEEDED", result=result)
    if len(result) * _WIDEST_ESCAPE + 100 <= MAX_INVOCATION_RESPONSE:
        return output
    if len(msgspec.json.encode(output)) <= MAX_INVOCATION_RESPONSE:
        return output
    size = len(result.encode())
    if size > MAX_EXECUTION_PAYLOAD:
        too_large = SerializationError(
            f"the result of the execution is {size} bytes, the limit is {MAX_EXECUTION_PAYLOAD} (execution payload, "
            "AWS Lambda quotas): store it elsewhere and return where it is"
        )
        return InvocationOutput("FAILED", error=describe(too_large))
    execution_id = run.arn.rsplit("/", 1)[-1]
    try:
        await run.checkpointer.deliver(OperationUpdate(execution_id, "EXECUTION", "SUCCEED", payload=result))
    except CheckpointError as error:
        return InvocationOutput("FAILED", error=describe(error))
    return InvocationOutput("SUCCEEDED", result="")


class HandlerOptions(TypedDict, total=False):
    """The options of a durable function; they are told at `durable_execution`."""

    name: str | None
    backend: DurableBackend | None
    codec: Codec[str] | None
    hooks: Hooks | Iterable[Hooks] | None
    on_error: ErrorHook | None
    start_delay: float


class Decorator(Protocol):
    """What `durable_execution` with options gives."""

    @overload
    def __call__(self, fn: Callable[[E, DurableContext], Coroutine[Any, Any, R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, fn: Callable[[E, SyncDurableContext], R], /) -> Handler[E, R]: ...


@overload
def durable_execution(fn: Callable[[E, DurableContext], Coroutine[Any, Any, R]], /) -> Handler[E, R]: ...
@overload
def durable_execution(fn: Callable[[E, SyncDurableContext], R], /) -> Handler[E, R]: ...
@overload
def durable_execution(**options: Unpack[HandlerOptions]) -> Decorator: ...
def durable_execution(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make `async def handler(event, ctx)`, or a `def`, a durable function.

    The event is decoded into the type that the first parameter is annotated with, and the result must fit the return
    annotation; without annotations both are plain JSON. An `async def` gets a `DurableContext`, whose operations are
    awaited; a `def` gets a `SyncDurableContext`, whose operations block, and runs on a thread.

    Args:
        fn: The function, when the decorator is used without arguments.
        name: What an engine calls the function. Default: its own name.
        backend: Where checkpoints go when Lambda calls the handler. Default: the API of AWS Lambda, by an
            `AwsBackend`. An engine brings its own.
        hooks: Who is told what happens: one `Hooks`, or several, the first of them outermost. Those of installed
            packages (entry points of group `durable_lambda.hooks`) and OpenTelemetry come before them.
        on_error: A function of the exception that the execution is about to fail with. It may return another one, which
            the execution then fails with, or `None`; what it raises is taken as returned. It may be an `async def`, is
            called once for a failed execution (again when the service could not be told of the failure), and can
            call no durable operations. It never sees a suspension, nor an invocation that is made again. Default: none.
        start_delay: Seconds that a step's START waits for its outcome, so that a fast step is one call; 0 sends it
            before the body runs. Default 0.05.
        codec: What the stored text of every result is put through: an encryption or a compression of the results of
            steps, conditions, child contexts and branches. Not of the event and the execution's result, of callbacks
            and invokes, which others write and read, nor of errors. Default: they are stored as JSON.

    Raises:
        ValidationError: The function does not take an event and a context of its kind.

    Example:
        @durable_execution
        async def process(order: Order, ctx: DurableContext) -> Receipt:
            payment = await ctx.step("charge", charge, order)
            return Receipt(payment.id)
    """

    def decorate(function: Callable[..., Any]) -> Handler[Any, Any]:
        return Handler(function, **options)

    return decorate if fn is None else decorate(fn)
